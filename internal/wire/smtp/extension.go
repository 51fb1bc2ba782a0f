package smtp

// Extensions is a set of what a server offers.
type Extensions uint32

// The extensions.
const (
	Pipelining    Extensions = 1 << iota // RFC 2920
	Size                                 // RFC 1870
	EightBitMIME                         // RFC 6152
	SMTPUTF8                             // RFC 6531
	EnhancedCodes                        // RFC 2034
	Chunking                             // RFC 3030
	BinaryMIME                           // RFC 3030
	DSN                                  // RFC 3461
	StartTLS                             // RFC 3207
	Auth                                 // RFC 4954
	Limits                               // RFC 9422
	FutureRelease                        // RFC 4865
	RequireTLS                           // RFC 8689
	Help                                 // RFC 5321 section 4.1.1.8
)

// Has reports whether all of e2 are offered.
func (e Extensions) Has(e2 Extensions) bool { return e&e2 == e2 }

// keywords in the order in which they are listed.
var keywords = [...]struct {
	ext  Extensions
	name string
}{
	{Pipelining, "PIPELINING"}, {Size, "SIZE"}, {EightBitMIME, "8BITMIME"}, {SMTPUTF8, "SMTPUTF8"},
	{EnhancedCodes, "ENHANCEDSTATUSCODES"}, {Chunking, "CHUNKING"}, {BinaryMIME, "BINARYMIME"}, {DSN, "DSN"},
	{StartTLS, "STARTTLS"}, {Auth, "AUTH"}, {Limits, "LIMITS"}, {FutureRelease, "FUTURERELEASE"},
	{RequireTLS, "REQUIRETLS"}, {Help, "HELP"},
}
