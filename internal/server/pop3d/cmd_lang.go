package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdLang is LANG (RFC 6856 section 3): the language of the texts from now on, "*" for ours; without an argument, which there are.
func cmdLang(_ context.Context, s *session, arg []byte) error {
	words, err := pop3.Words(arg, 1)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	if len(words) == 0 {
		s.out = pop3.AppendOK(s.out[:0], text.Say(s.lang, text.POP3Languages))
		for _, l := range []text.Lang{text.EN, text.DE} {
			s.out = append(s.out, l.Tag()+" "+text.Say(l, text.POP3LanguageName)+"\r\n"...)
		}
		s.out = append(s.out, pop3.EndOfList...)
		s.send()
		return nil
	}
	lang, known := text.ParseLang(string(words[0]))
	if string(words[0]) == "*" {
		lang, known = text.EN, true
	}
	if !known {
		s.err(pop3.NoCode, text.POP3NoLanguage)
		return nil
	}
	s.lang = lang
	s.ok(text.POP3Language, lang.Tag())
	return nil
}
