package intake

import (
	"io"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// What is small to send and large to understand is bounded for all messages together; small messages still get in.
func TestManyMonstersAtOnce(t *testing.T) {
	room := limit.NewRoom(8 << 20)
	w := newWorld(t, func(o *Options) { o.Room = room })
	begin := func() *Transaction {
		tx := w.in.Begin(stranger())
		w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test")}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("kaethe@nord.test")}))
		return tx
	}
	monster := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 8000)
	pr, pw := io.Pipe()
	first := make(chan error, 1)
	tx := begin()
	go func() {
		_, err := tx.Body(w.ctx, pr)
		_ = pr.CloseWithError(err) // or a refusal would leave the writer waiting for ever
		first <- err
	}()
	for _, piece := range []string{monster, "x"} { // who takes the second piece has looked at the first; and more is to come
		_, err := io.WriteString(pw, piece)
		w.must(err)
	}
	if used := room.Used(); used < 2<<20 || used > 8<<20*3/4 {
		t.Fatalf("8,000 parts count as %d bytes", used)
	}
	if _, err := begin().Body(w.ctx, strings.NewReader(monster)); !mail.IsKind(err, mail.KindTooMany) {
		t.Errorf("a second monster: %v", err)
	}
	large := strings.Repeat("X: "+strings.Repeat("y", 900)+"\r\n", 250)
	if _, err := begin().Body(w.ctx, strings.NewReader(large+large[:20_000]+"\r\n\r\nx\r\n")); err != nil && !mail.IsKind(err, mail.KindTooMany) {
		t.Errorf("a large header: %v", err)
	}
	if _, err := begin().Body(w.ctx, strings.NewReader("Subject: small\r\n\r\nx\r\n")); err != nil {
		t.Errorf("a small message beside it: %v", err)
	}
	w.must(pw.Close())
	if err := <-first; err != nil {
		t.Errorf("the first monster: %v", err)
	}
	if room.Used() != 0 {
		t.Errorf("%d bytes are not given back", room.Used())
	}
}
