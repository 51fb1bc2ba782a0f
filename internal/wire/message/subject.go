package message

import "strings"

// BaseSubject is the subject that a thread's messages have in common (RFC 5256 section 2.1): decoded, in lower case,
// without Re:, Fwd:, [list] and (fwd). Beyond the RFC it also knows the German AW:, WG: and others the world writes.
func BaseSubject(subject string) string {
	base, _ := BaseSubjectReply(subject)
	return base
}

// BaseSubjectReply is BaseSubject, and whether the subject says that it answers or forwards.
func BaseSubjectReply(raw string) (base string, reply bool) {
	s := strings.ToLower(collapse(DecodeText(raw)))
	for {
		before := s
		for {
			trimmed := strings.TrimSpace(strings.TrimSuffix(s, "(fwd)"))
			if trimmed == s {
				break
			}
			s, reply = trimmed, true
		}
		for {
			rest, leader := cutLeader(s)
			if leader {
				s, reply = rest, true
				continue
			}
			if rest, ok := cutBlob(s); ok && rest != "" {
				s = rest
				continue
			}
			break
		}
		if inner, ok := strings.CutPrefix(s, "[fwd:"); ok && strings.HasSuffix(inner, "]") {
			s, reply = strings.TrimSpace(strings.TrimSuffix(inner, "]")), true
		}
		if s == before {
			return s, reply
		}
	}
}

// leaders are the abbreviations before a subject. RFC 5256 has re, fw and fwd; aw and wg are German, sv Swedish and
// Danish, antw Dutch, rif and r Italian are left out where they may be a word.
var leaders = [...]string{"re", "fwd", "fw", "aw", "wg", "sv", "vs", "antw", "antwort", "tr", "enc"}

// cutLeader takes "re:", "re[2]:" or "re [list]:" away, with blobs before it.
func cutLeader(s string) (rest string, ok bool) {
	t := s
	for range 8 {
		r, blob := cutBlob(t)
		if !blob {
			break
		}
		t = r
	}
	for _, l := range leaders {
		after, found := strings.CutPrefix(t, l)
		if !found {
			continue
		}
		after = strings.TrimLeft(after, " ")
		if r, blob := cutBlob(after); blob {
			after = r
		}
		if rest, found := strings.CutPrefix(after, ":"); found {
			return strings.TrimSpace(rest), true
		}
	}
	return s, false
}

// cutBlob takes "[...]" and white space after it away.
func cutBlob(s string) (rest string, ok bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}

// collapse makes every run of white space one space and trims.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }
