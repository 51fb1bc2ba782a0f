package text

import "fmt"

// Key names a sentence: "area.what".
type Key string

// table holds the sentences of one area, by language.
type table map[Key][langCount]string

// areas lists every table. It is never changed while the program runs.
var areas = []table{
	formatTexts,
	cliTexts,
	checkTexts,
	demoTexts,
	journeyTexts,
	mailboxTexts,
	pop3Texts,
	bounceTexts,
}

// Say is the sentence in the language, with its arguments filled in. A key without a sentence (which the tests rule out) is said
// as its own name.
func Say(l Lang, k Key, args ...any) string {
	if l >= langCount {
		l = EN
	}
	for _, t := range areas {
		if s, ok := t[k]; ok {
			if len(args) == 0 {
				return s[l]
			}
			return fmt.Sprintf(s[l], args...)
		}
	}
	return string(k)
}
