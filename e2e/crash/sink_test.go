package crash

import (
	"net"
	"net/textproto"
	"strings"
	"sync"
)

// sink is the next server: it takes everything and counts it.
type sink struct {
	ln    net.Listener
	mu    sync.Mutex // guards got
	got   map[string][]arrival
	heard chan struct{} // capacity 1: something arrived
}

// arrival is one recipient's copy.
type arrival struct {
	to     string
	digest [32]byte
}

func (s *sink) serve() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		go s.session(textproto.NewConn(conn))
	}
}

func (s *sink) session(text *textproto.Conn) {
	defer text.Close()
	var to []string
	reply := "220 sink.test"
	for {
		if err := text.PrintfLine("%s", reply); err != nil {
			return
		}
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb := strings.ToUpper(line)
		switch {
		case strings.HasPrefix(verb, "EHLO"):
			reply = "250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME"
		case strings.HasPrefix(verb, "RCPT"):
			to = append(to, line[strings.Index(line, "<")+1:strings.Index(line, ">")])
			reply = "250 ok"
		case verb == "DATA":
			if err := text.PrintfLine("354 go on"); err != nil {
				return
			}
			message, err := dotted(text.R)
			if err != nil {
				return
			}
			reply = s.take(message, to)
			to = nil
		case verb == "QUIT":
			_ = text.PrintfLine("221 bye")
			return
		default:
			reply = "250 ok"
		}
	}
}

func (s *sink) take(message []byte, to []string) string {
	token, digest, err := read(message)
	if err != nil {
		return "554 " + err.Error()
	}
	s.mu.Lock()
	for _, t := range to {
		s.got[token] = append(s.got[token], arrival{t, digest})
	}
	s.mu.Unlock()
	select {
	case s.heard <- struct{}{}:
	default:
	}
	return "250 taken"
}

func (s *sink) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.got {
		n += len(a)
	}
	return n
}
