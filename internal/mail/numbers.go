package mail

// UID is an e-mail's number in one mailbox (RFC 9051 section 2.3.1.1). UIDs rise and are never used again within a
// UIDValidity. Zero is no UID.
type UID uint32

// UIDValidity changes when a mailbox's UIDs start afresh (RFC 9051 section 2.3.1.1).
type UIDValidity uint32

// ModSeq is an account's sequence number after a change: IMAP's MODSEQ (RFC 7162), JMAP's state, and the number the store
// holds a commit to. It fits in 63 bits.
type ModSeq uint64
