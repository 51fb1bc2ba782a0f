package obs

import (
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Format is how log lines are written.
type Format uint8

// The formats: key=value text, or one JSON object a line.
const (
	FormatText Format = iota
	FormatJSON
)

// MaxValue bounds a logged string in bytes; what is beyond is cut and marked with "…".
const MaxValue = 512

// NewLogger makes the log. Values that come from outside are cut at MaxValue.
func NewLogger(w io.Writer, f Format, level slog.Leveler) *slog.Logger {
	return slog.New(newHandler(w, f, &slog.HandlerOptions{Level: level, ReplaceAttr: bound}))
}

// Discard is a log that nobody reads.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newHandler(w io.Writer, f Format, o *slog.HandlerOptions) slog.Handler {
	if f == FormatJSON {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

func bound(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		if s := v.String(); len(s) > MaxValue {
			return slog.String(a.Key, cut(s))
		}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, cut(err.Error()))
		}
	}
	return a
}

func cut(s string) string {
	if len(s) <= MaxValue {
		return s
	}
	end := MaxValue
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.ToValidUTF8(s[:end], "�") + "…"
}
