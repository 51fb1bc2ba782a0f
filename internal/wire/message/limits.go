package message

// Limits on what is read as structure. What is beyond them stays in the message as bytes nobody interprets.
const (
	// MaxHeader bounds a message's header block in bytes; intake refuses larger ones. Of a longer block, the Scanner reads
	// the first MaxHeader bytes.
	MaxHeader = 256 << 10
	// MaxPartHeader bounds the header block of one MIME part in bytes.
	MaxPartHeader = 64 << 10
	// MaxFields bounds the fields of one header block.
	MaxFields = 2000
	// MaxField bounds one field with its folds, in bytes.
	MaxField = 128 << 10
	// MaxDepth bounds how deep parts are nested; a multipart at this depth is a leaf.
	MaxDepth = 100
	// MaxParts bounds the parts of one message; further ones belong to the last part's body.
	MaxParts = 10_000
	// MaxSummary bounds the bytes of text in a Summary, and so what is stored with each message; parts found when it is
	// used up are treated as beyond MaxParts.
	MaxSummary = 1 << 20
	// MaxAddresses bounds the addresses read from one field.
	MaxAddresses = 10_000
	// MaxReferences bounds the message ids read from one field; of more, the first and the last ones are kept.
	MaxReferences = 200
	// MaxMessageID bounds one message id in bytes; longer ones are ignored.
	MaxMessageID = 998
	// MaxParams bounds the parameters of one field.
	MaxParams = 100
	// MaxBoundary bounds a multipart boundary; RFC 2046 says 70, the world is not always so modest.
	MaxBoundary = 256
	// MaxPreview bounds Summary.Preview in characters (RFC 8621 section 4.1.4 allows 256).
	MaxPreview = 200
)
