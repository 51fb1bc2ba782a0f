package adminapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxArguments bounds a request's first line.
const maxArguments = 1 << 20

// operation runs one request: arguments, what follows them, where events go. It returns the result.
type operation func(ctx context.Context, arguments []byte, rest io.Reader, tell func(event any) error) (any, error)

func plain[Q, R any](f func(context.Context, Q) (R, error)) operation {
	return func(ctx context.Context, arguments []byte, _ io.Reader, _ func(any) error) (any, error) {
		var q Q
		if err := decode(arguments, &q); err != nil {
			return nil, err
		}
		return f(ctx, q)
	}
}

func reading[Q, R any](f func(context.Context, Q, io.Reader) (R, error)) operation {
	return func(ctx context.Context, arguments []byte, rest io.Reader, _ func(any) error) (any, error) {
		var q Q
		if err := decode(arguments, &q); err != nil {
			return nil, err
		}
		return f(ctx, q, rest)
	}
}

func telling[Q, E, R any](f func(context.Context, Q, func(E) error) (R, error)) operation {
	return func(ctx context.Context, arguments []byte, _ io.Reader, tell func(any) error) (any, error) {
		var q Q
		if err := decode(arguments, &q); err != nil {
			return nil, err
		}
		return f(ctx, q, func(e E) error { return tell(e) })
	}
}

func decode(arguments []byte, q any) error {
	if err := json.Unmarshal(arguments, q); err != nil {
		return mail.Failed(mail.KindSyntax, "the request is not understood", err)
	}
	return nil
}

// answerLine is one line of an answer.
type answerLine struct {
	Event  json.RawMessage `json:"event,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Fault  *faultLine      `json:"fault,omitempty"`
}

type faultLine struct {
	Kind   mail.Kind `json:"kind"`
	Public string    `json:"public"`
	// Cause is for the operator, who may read everything.
	Cause string `json:"cause,omitempty"`
}

// Handler serves the operations.
func (a *Admin) Handler(log *slog.Logger) http.Handler {
	ops := a.operations()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		op, ok := ops[name]
		if r.Method != http.MethodPost || !ok {
			http.Error(w, "no such operation", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := &answer{w: w, flush: http.NewResponseController(w).Flush}
		result, err := run(r.Context(), op, r.Body, out)
		if err != nil {
			log.Info("admin operation failed", "op", name, "err", err)
		}
		if err := out.end(result, err); err != nil {
			log.Debug("admin answer not written", "op", name, "err", err)
		}
	})
}

func run(ctx context.Context, op operation, body io.Reader, out *answer) (any, error) {
	in := bufio.NewReader(body)
	arguments, err := readArguments(in)
	if err != nil {
		return nil, err
	}
	return op(ctx, arguments, in, out.tell)
}

func readArguments(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case len(line) > maxArguments:
			return nil, mail.Refuse(mail.KindSyntax, "the request is too long")
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return nil, mail.Failed(mail.KindSyntax, "the request is cut short", err)
		}
	}
}

// answer writes the lines of one answer. It is used by one goroutine.
type answer struct {
	w     io.Writer
	flush func() error
}

func (a *answer) tell(event any) error {
	raw, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return a.line(answerLine{Event: raw})
}

func (a *answer) end(result any, err error) error {
	if err != nil {
		f := mail.AsFault(err)
		line := answerLine{Fault: &faultLine{Kind: f.Kind, Public: f.Public}}
		if f.Err != nil {
			line.Fault.Cause = f.Err.Error()
		}
		return a.line(line)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode a result: %w", err)
	}
	return a.line(answerLine{Result: raw})
}

func (a *answer) line(l answerLine) error {
	if err := json.NewEncoder(a.w).Encode(l); err != nil {
		return err
	}
	return a.flush()
}

// maxConns bounds the connections to the socket; more of them wait.
const maxConns = 100

// Serve answers on ln until ctx ends, then lets what is running go on for the grace time at most; it closes ln.
func (a *Admin) Serve(ctx context.Context, ln net.Listener, grace time.Duration, log *slog.Logger) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := &http.Server{
		Handler: a.Handler(log), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return work },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		end, cancelEnd := context.WithTimeout(work, grace)
		defer cancelEnd()
		if s.Shutdown(end) != nil {
			cancel()
			_ = s.Close()
		}
	})
	defer func() {
		if !stop() {
			<-stopped
		}
	}()
	if err := s.Serve(netutil.LimitListener(ln, maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin socket: %w", err)
	}
	return nil
}
