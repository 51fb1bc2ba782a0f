package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/text/secure/precis"
)

// PreparePassword makes the many ways to write one password the same bytes, by the OpaqueString profile of RFC 8265, which
// succeeds SASLprep (RFC 4013). ErrSyntax if it holds control characters, or is empty.
func PreparePassword(password string) (string, error) {
	p, err := precis.OpaqueString.String(password)
	if err != nil || p == "" {
		return "", ErrSyntax
	}
	return p, nil
}

// PrepareName makes a user name comparable by the UsernameCaseMapped profile of RFC 8265: NFC, lower case, no spaces. ErrSyntax if it
// is no user name.
func PrepareName(name string) (string, error) {
	p, err := precis.UsernameCaseMapped.String(name)
	if err != nil || p == "" {
		return "", ErrSyntax
	}
	return p, nil
}

// DeriveKeys computes what a server keeps of a prepared password (RFC 5802 section 3).
func DeriveKeys(prepared string, salt []byte, iterations int) (ScramKeys, error) {
	salted, err := saltedPassword(prepared, salt, iterations)
	if err != nil {
		return ScramKeys{}, err
	}
	k := ScramKeys{Salt: salt, Iterations: iterations}
	k.StoredKey = sha256.Sum256(mac(salted, "Client Key"))
	copy(k.ServerKey[:], mac(salted, "Server Key"))
	return k, nil
}

func saltedPassword(prepared string, salt []byte, iterations int) ([]byte, error) {
	salted, err := pbkdf2.Key(sha256.New, prepared, salt, iterations, KeyLen)
	if err != nil {
		return nil, fmt.Errorf("derive SCRAM keys: %w", err)
	}
	return salted, nil
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// newNonce is 144 random bits in printable form without a comma.
func newNonce() string {
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
