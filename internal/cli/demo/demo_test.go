package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// lockedBuffer is read while the demo still writes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestDemoOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers")
	}
	t.Parallel()
	var out, errs lockedBuffer
	if err := Run(t.Context(), Options{Lang: text.DE, Out: &out, Err: &errs, Ports: AnyPorts, Ending: Once}); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &out, &errs)
	}
	// What the servers recorded, in the order of the story.
	story := []string{
		`1\. Anna Albers schreibt`, `nord\.test  Angenommen von .*angemeldet als anna@nord\.test`, `nord\.test  Für joern@nord\.test abgelegt`,
		`nord\.test  Die Mailserver von sued\.test sind: mail\.sued\.test`, `nord\.test  Verbunden mit mail\.sued\.test .*TLS 1\.3.*Zertifikat bestätigt`,
		`sued\.test  Angenommen von mail\.nord\.test`, `sued\.test  Für baerbel@sued\.test abgelegt`, `nord\.test  Für baerbel@sued\.test an mail\.sued\.test übergeben`,
		`2\. Bärbel Huber schaut`, `sued\.test  Abgeholt von baerbel@sued\.test über IMAP`, `stimmt bis aufs letzte Byte`,
		`3\. Jörn Küster holt`, `nord\.test  Abgeholt von joern@nord\.test über POP3`,
		`4\. Bärbel Huber antwortet`, `5\. Anna Albers holt`, `6\. Anna Albers schreibt an niemand@sued\.test`,
		`nord\.test  Kann nicht an niemand@sued\.test zugestellt werden.*550 5\.1\.1`, `7\. Anna Albers findet`, `Diese Adresse gibt es bei sued\.test nicht`,
		`Alles ist angekommen`,
	}
	rest := out.String()
	for _, want := range story {
		at := regexp.MustCompile(want).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%q is missing, or in the wrong order:\n%s", want, &out)
		}
		rest = rest[at[1]:]
	}
	if errs.String() != "" {
		t.Errorf("the servers complained:\n%s", &errs)
	}
}

func TestDemoStaysUntilItIsEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers")
	}
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs lockedBuffer
	out := &awaited{want: "stay up until Ctrl-C", found: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{Lang: text.EN, Out: out, Err: &errs, Ports: AnyPorts}) }()
	select {
	case <-out.found:
	case err := <-done:
		t.Fatalf("ended by itself: %v\n%s", err, &out.lockedBuffer)
	}
	said := out.String()
	for _, want := range []string{`IMAP  server 127\.0\.0\.1  port \d+ +SSL/TLS`, `SMTP  server 127\.0\.0\.1  port \d+ +STARTTLS`, `login xaver@sued\.test, password \w+`} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("%s is not told:\n%s", want, said)
		}
	}
	file := regexp.MustCompile(`--config (\S+) journey`).FindStringSubmatch(said)
	if file == nil {
		t.Fatal("no configuration is named")
	}
	if _, err := os.Stat(file[1]); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left behind: %v", err)
	}
}

// awaited tells when a text was written.
type awaited struct {
	lockedBuffer
	want  string
	once  sync.Once
	found chan struct{}
}

func (a *awaited) Write(p []byte) (int, error) {
	n, err := a.lockedBuffer.Write(p)
	if strings.Contains(a.String(), a.want) {
		a.once.Do(func() { close(a.found) })
	}
	return n, err
}

func TestCheckNoticesEveryDifference(t *testing.T) {
	p := newPeople()
	l := letter{from: p.anna, to: nil, subject: "Füße", text: "Grüße\n", attachment: []byte{1, 2, 3}, filename: "ä.bin", inReplyTo: "<1@x>"}
	raw, err := l.compose()
	if err != nil {
		t.Fatal(err)
	}
	raw = append([]byte("Message-ID: <2@x>\r\n"), raw...)
	good, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.check(good); err != nil {
		t.Fatalf("what was composed: %v", err)
	}
	for name, spoil := range map[string]func(*received){
		"subject": func(r *received) { r.subject += "!" }, "author": func(r *received) { r.from = "" },
		"text": func(r *received) { r.text = "Gr??e" }, "attachment": func(r *received) { r.attachment = r.attachment[:2] },
		"filename": func(r *received) { r.filename = "a.bin" }, "reply": func(r *received) { r.inReplyTo = "<3@x>" },
		"id": func(r *received) { r.messageID = "" },
	} {
		bad := good
		spoil(&bad)
		if l.check(bad) == nil {
			t.Errorf("a spoilt %s was not noticed", name)
		}
	}
	if _, err := read([]byte("no header")); err == nil {
		t.Error("garbage was read")
	}
}
