// Package message is the codec of messages: RFC 5322 headers (with UTF-8 as in RFC 6532) and MIME (RFC 2045 to 2049,
// 2183, 2231, 3462). It has no policy and no storage.
//
// Reading never fails for content: a mail system must keep what it was given. What is malformed is kept as bytes and
// read as far as it makes sense; what is beyond a limit is treated as opaque bytes. Errors come from readers and
// writers, and from the decoder of a stored Summary.
//
//   - Header and Field hold a header block with its exact bytes and order.
//   - Scanner is fed a message as it arrives and makes a Summary in one pass with bounded memory.
//   - Summary is stored beside each message: what listings, IMAP's ENVELOPE and BODYSTRUCTURE, JMAP's properties and
//     threading need, and where each MIME part begins and ends, so that a part is a range read of the stored body.
//   - Content reads a part's bytes decoded (base64, quoted-printable) and as UTF-8.
//   - Composer writes the messages that Posthorn itself authors.
//
// # Layout of an encoded Summary
//
// One byte of version, then fields in a fixed order: unsigned varints for numbers, length-prefixed bytes for strings,
// count-prefixed lists. The parts follow in depth-first order, each with the count of its children; offsets are
// written as the difference to the offset before. Decode reads every version ever written.
package message
