package text

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for _, tc := range []struct{ in, de string }{
		{"connection failed: connection refused", "Verbindung fehlgeschlagen: Verbindung abgelehnt"},
		{"no answer to MAIL: it took too long", "keine Antwort auf MAIL: es hat zu lange gedauert"},
		{"the domain sued.test does not exist", "die Domain sued.test gibt es nicht"},
		{"login to the smarthost refused: 535 5.7.8 no", "Anmeldung beim Smarthost abgelehnt: 535 5.7.8 no"},
		{"550 5.1.1 no such user: go away", "550 5.1.1 no such user: go away"},
		{"", ""},
	} {
		if got := Words(DE, tc.in); got != tc.de {
			t.Errorf("%q, want %q", got, tc.de)
		}
		if got := Words(EN, tc.in); got != tc.in {
			t.Errorf("%q became %q", tc.in, got)
		}
	}
	for _, f := range findings {
		if !slices.Equal(arguments(f[EN]), arguments(f[DE])) || len(arguments(f[EN])) > 1 {
			t.Errorf("%q takes other arguments than %q, or more than one", f[DE], f[EN])
		}
	}
}
