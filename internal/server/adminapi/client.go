package adminapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Client calls the operations, of a running server or of this process.
type Client struct {
	http *http.Client
}

// Dial makes a client of the server behind a socket. It fails if nobody answers there.
func Dial(ctx context.Context, socket string) (*Client, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, nil
}

// Local makes a client of operations in this process.
func Local(h http.Handler) *Client { return &Client{http: &http.Client{Transport: local{h}}} }

// local carries requests to a handler in the same process.
type local struct{ handler http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	w := &pipeWriter{body: pw, header: http.Header{}}
	go func() {
		l.handler.ServeHTTP(w, r)
		_ = pw.Close() // never fails
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: w.header, Body: pr, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

type pipeWriter struct {
	body   *io.PipeWriter
	header http.Header
}

func (w *pipeWriter) Header() http.Header         { return http.Header{} }
func (w *pipeWriter) WriteHeader(int)             {}
func (w *pipeWriter) Flush()                      {}
func (w *pipeWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

// Call runs an operation and reads its result into result, which may be nil.
func (c *Client) Call(ctx context.Context, op string, request, result any) error {
	return c.Stream(ctx, op, request, nil, nil, result)
}

// Stream runs an operation that reads more than its arguments (rest, if not nil) or tells events (heard by event, if not nil).
func (c *Client) Stream(ctx context.Context, op string, request any, rest io.Reader, event func(json.RawMessage) error, result any) error {
	args, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	body := io.Reader(bytes.NewReader(append(args, '\n')))
	if rest != nil {
		body = io.MultiReader(body, rest)
	}
	ctx, cancel := context.WithCancel(ctx) // ends the operation when event has heard enough
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://posthorn/"+op, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("call the server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return mail.Refusef(mail.KindUnsupported, "the running server does not know %s: is it of another version?", op)
	}
	return readAnswer(res.Body, event, result)
}

func readAnswer(body io.Reader, event func(json.RawMessage) error, result any) error {
	in := json.NewDecoder(bufio.NewReader(body))
	for {
		var line answerLine
		if err := in.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read the server's answer: %w", err)
		}
		switch {
		case line.Fault != nil:
			f := &mail.Fault{Kind: line.Fault.Kind, Public: line.Fault.Public}
			if line.Fault.Cause != "" {
				f.Err = errors.New(line.Fault.Cause)
			}
			return f
		case line.Event != nil:
			if event == nil {
				continue
			}
			if err := event(line.Event); err != nil {
				return err
			}
		case result == nil:
			return nil
		default:
			return json.Unmarshal(line.Result, result)
		}
	}
}
