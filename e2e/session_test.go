package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &session{t: t, name: file, ar: txtar.Parse(raw), peers: map[string]*peer{}, vars: map[string]string{}}
			s.run()
		})
	}
}

// session is one running test.
type session struct {
	t     *testing.T
	name  string
	ar    *txtar.Archive
	world *world
	sink  *sink
	peers map[string]*peer
	vars  map[string]string
}

func (s *session) file(name string) (string, bool) {
	for _, f := range s.ar.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

func (s *session) run() {
	known := map[string]bool{"config": true, "zone": true, "setup": true, "session": true}
	script, ok := s.file("session")
	if !ok {
		s.t.Fatalf("%s has no session", s.name)
	}
	for _, f := range s.ar.Files {
		if !known[f.Name] && !strings.Contains(script, f.Name) {
			s.t.Fatalf("%s: nothing uses the file %s", s.name, f.Name)
		}
	}
	s.sink = newSink(s.t)
	config, _ := s.file("config")
	zone, _ := s.file("zone")
	s.world = newWorld(s.t, config, zone, s.sink)
	setup, _ := s.file("setup")
	s.eachLine("setup", setup, s.world.setup)
	s.eachLine("session", script, s.step)
	for _, p := range s.peers {
		p.conn.Close()
	}
}

func (s *session) eachLine(part, text string, do func(line string) error) {
	s.t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := do(line); err != nil {
			s.t.Fatalf("%s, %s line %d: %s\n\t%v", s.name, part, i+1, line, err)
		}
	}
}

// step runs one line of a session.
func (s *session) step(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "sink":
		return s.sinkStep(rest)
	case "advance":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		s.world.advance(d)
		return nil
	case "crash":
		return s.world.crash()
	case "restart":
		return s.world.restart()
	case "log":
		return s.world.logged(s.expand(rest), s.vars)
	case "journey":
		id, pattern, _ := strings.Cut(rest, " ")
		return s.world.journey(s.expand(id), pattern, s.vars)
	default:
		return s.peerStep(word, rest)
	}
}

func (s *session) sinkStep(rest string) error {
	word, arg, _ := strings.Cut(rest, " ")
	switch word {
	case "got":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		return s.sink.waitFor(n)
	case "has":
		for _, l := range s.sink.last() {
			if ok, err := match(arg, l, s.vars); ok || err != nil {
				return err
			}
		}
		return fmt.Errorf("no such line in\n%s", strings.Join(s.sink.last(), "\n"))
	default:
		s.sink.answer(word, arg)
		return nil
	}
}

// expand puts what was caught in the place of {name}.
func (s *session) expand(text string) string {
	for name, value := range s.vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

func (s *session) peerStep(name, rest string) error {
	verb, arg, _ := strings.Cut(rest, " ")
	if verb == "connect" {
		addr, tls, err := s.world.listener(arg)
		if err != nil {
			return err
		}
		p, err := dialPeer(addr, tls)
		s.peers[name] = p
		return err
	}
	p := s.peers[name]
	if p == nil {
		return fmt.Errorf("no connection named %s", name)
	}
	switch verb {
	case ">":
		text, crlf, err := unescape(s.expand(arg))
		if err != nil {
			return err
		}
		if crlf {
			text += "\r\n"
		}
		return p.send(text)
	case ">file":
		return s.sendFile(p, arg)
	case ">fill":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		const filler = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n"
		return p.send(strings.Repeat(filler, n/len(filler)+1)[:n-n%len(filler)])
	case "<":
		return s.expect(p, arg)
	case "<~":
		return s.skipTo(p, arg)
	case "<!":
		for _, l := range p.skipped {
			ok, err := match(arg, l, s.vars)
			if err != nil {
				return err
			}
			if ok {
				return fmt.Errorf("the line %q must not be there", l)
			}
		}
		return nil
	case "starttls":
		return p.startTLS(s.world.clientTLS())
	case "eof":
		return p.eof()
	case "close":
		return p.hangUp()
	default:
		return fmt.Errorf("unknown step %q", verb)
	}
}

func (s *session) sendFile(p *peer, name string) error {
	text, ok := s.file(name)
	if !ok {
		return fmt.Errorf("the archive has no file %s", name)
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, ".") {
			b.WriteByte('.')
		}
		b.WriteString(line + "\r\n")
	}
	return p.send(b.String())
}

func (s *session) expect(p *peer, pattern string) error {
	line, err := p.line()
	if err != nil {
		return fmt.Errorf("got %q, %w", line, err)
	}
	ok, err := match(pattern, line, s.vars)
	if err == nil && !ok {
		err = fmt.Errorf("got %q", line)
	}
	return err
}

func (s *session) skipTo(p *peer, pattern string) error {
	p.skipped = p.skipped[:0]
	for {
		line, err := p.line()
		if err != nil {
			return fmt.Errorf("after %q: %w", p.skipped, err)
		}
		ok, err := match(pattern, line, s.vars)
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
		p.skipped = append(p.skipped, line)
	}
}
