package imapd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// TestIndependentClient lets another implementation's client live on the server.
func TestIndependentClient(t *testing.T) {
	s := start(t, Options{})
	for _, rev2 := range []string{"rev1", "rev2"} {
		t.Run(rev2, func(t *testing.T) {
			var expunged []uint32
			c, err := imapclient.DialTLS(s.secure, &imapclient.Options{TLSConfig: s.tls,
				UnilateralDataHandler: &imapclient.UnilateralDataHandler{Expunge: func(n uint32) { expunged = append(expunged, n) }}})
			must(t, err)
			t.Cleanup(func() { c.Close() })
			must(t, c.Login(anna, password).Wait())
			if rev2 == "rev2" {
				got, err := c.Enable(goimap.CapIMAP4rev2).Wait()
				must(t, err)
				if !got.Caps.Has(goimap.CapIMAP4rev2) {
					t.Fatal("not enabled")
				}
			}
			liveOn(t, c, map[string]string{"rev1": "Größe & mehr", "rev2": "Größe"}[rev2])
			must(t, c.Logout().Wait())
		})
	}
}

func liveOn(t *testing.T, c *imapclient.Client, box string) {
	must(t, c.Create(box, nil).Wait())
	must(t, c.Subscribe(box).Wait())
	list, err := c.List("", "*", &goimap.ListOptions{ReturnStatus: &goimap.StatusOptions{NumMessages: true}, ReturnSubscribed: true,
		ReturnSpecialUse: true}).Collect()
	must(t, err)
	i := slices.IndexFunc(list, func(l *goimap.ListData) bool { return l.Mailbox == box })
	if i < 0 || !slices.Contains(list[i].Attrs, goimap.MailboxAttrSubscribed) || list[i].Status == nil || *list[i].Status.NumMessages != 0 {
		for _, l := range list {
			t.Logf("%+v %+v", *l, l.Status)
		}
		t.FailNow()
	}
	sel, err := c.Select(box, &goimap.SelectOptions{CondStore: true}).Wait()
	must(t, err)
	if sel.NumMessages != 0 || sel.UIDNext != 1 || sel.HighestModSeq == 0 {
		t.Fatalf("%+v", sel)
	}
	bodies := make([]string, 20)
	for i := range bodies {
		bodies[i] = fmt.Sprintf("From: Anna <anna@nord.test>\r\nSubject: Nummer %d\r\nMessage-ID: <%d@x>\r\n\r\nText %s\r\n", i, i, strings.Repeat("ab", i*300))
		ap := c.Append(box, int64(len(bodies[i])), &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagFlagged, "tag"}})
		_, err := io.WriteString(ap, bodies[i])
		must(t, err)
		must(t, ap.Close())
		data, err := ap.Wait()
		must(t, err)
		if data.UID != goimap.UID(i+1) {
			t.Fatalf("%+v", data)
		}
	}
	section := &goimap.FetchItemBodySection{}
	msgs, err := c.Fetch(goimap.SeqSet{{Start: 1, Stop: 0}}, &goimap.FetchOptions{UID: true, Flags: true, Envelope: true, RFC822Size: true,
		ModSeq: true, InternalDate: true, BodyStructure: &goimap.FetchItemBodyStructure{Extended: true},
		BodySection: []*goimap.FetchItemBodySection{section}}).Collect()
	must(t, err)
	if len(msgs) != len(bodies) {
		t.Fatal(len(msgs), "messages")
	}
	for i, m := range msgs {
		if got := m.FindBodySection(section); !bytes.Equal(got, []byte(bodies[i])) || m.RFC822Size != int64(len(bodies[i])) {
			t.Errorf("message %d is %.80q", i+1, got)
		}
		if m.Envelope.Subject != fmt.Sprint("Nummer ", i) || m.Envelope.From[0].Addr() != "anna@nord.test" || m.UID != goimap.UID(i+1) || m.ModSeq == 0 {
			t.Errorf("%+v", m)
		}
		if !slices.Contains(m.Flags, goimap.FlagSeen) || !slices.Contains(m.Flags, goimap.FlagFlagged) || !slices.Contains(m.Flags, "tag") {
			t.Errorf("flags %v", m.Flags)
		}
	}
	found, err := c.UIDSearch(&goimap.SearchCriteria{Header: []goimap.SearchCriteriaHeaderField{{Key: "Subject", Value: "nummer 1"}},
		Body: []string{"text"}, NotFlag: []goimap.Flag{goimap.FlagDeleted}}, &goimap.SearchOptions{ReturnAll: true, ReturnCount: true}).Wait()
	must(t, err)
	if found.Count != 11 || len(found.AllUIDs()) != 11 {
		t.Errorf("%+v", found)
	}
	must(t, c.Store(goimap.UIDSetNum(2, 3), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Silent: true, Flags: []goimap.Flag{goimap.FlagDeleted}}, nil).Close())
	gone, err := c.UIDExpunge(goimap.UIDSetNum(3)).Collect()
	must(t, err)
	if !slices.Equal(gone, []uint32{3}) {
		t.Error(gone)
	}
	moved, err := c.Move(goimap.UIDSetNum(10, 11, 12), "Archive").Wait()
	must(t, err)
	if moved.SourceUIDs.String() != "10:12" || len(moved.DestUIDs.(goimap.UIDSet)) == 0 {
		t.Errorf("%+v", moved)
	}
	copied, err := c.Copy(goimap.SeqSetNum(1), "Archive").Wait()
	must(t, err)
	if copied.SourceUIDs.String() != "1" {
		t.Errorf("%+v", copied)
	}
	status, err := c.Status(box, &goimap.StatusOptions{NumMessages: true, UIDNext: true, NumDeleted: true, Size: true, HighestModSeq: true}).Wait()
	must(t, err)
	if *status.NumMessages != 16 || status.UIDNext != 21 || *status.NumDeleted != 1 || *status.Size == 0 {
		t.Errorf("%+v", status)
	}
	must(t, c.Unselect().Wait())
	must(t, c.Rename(box, "Neu/"+box, nil).Wait())
	must(t, c.Delete("Neu/"+box).Wait())
}

// TestFetchedIsTold holds what counts as reading a message.
func TestFetchedIsTold(t *testing.T) {
	var told []string
	s := start(t, Options{Fetched: func(_ context.Context, f Fetch) {
		if f.Login != anna || f.Account.IsZero() || f.Email.IsZero() || f.TLS == nil || !f.Remote.IsValid() {
			t.Errorf("%+v", f)
		}
		told = append(told, "told")
	}})
	p := s.login(t)
	p.ask("a", "APPEND INBOX {6+}\r\na: b\r\n")
	p.ask("b", "SELECT INBOX")
	for _, c := range []struct {
		items string
		times int
	}{
		{"BODY.PEEK[]", 1}, {"RFC822", 1}, {"BODY[TEXT]", 1}, {"(BODY.PEEK[]<0.10> FLAGS)", 1}, {"BODY[1]", 1},
		{"BODY.PEEK[]<3.10>", 0}, {"BODY.PEEK[1]<0.10>", 0}, {"BODY.PEEK[HEADER]", 0}, {"FULL", 0}, {"BODY[1.MIME]", 0},
	} {
		told = nil
		if got := p.ask("c", "FETCH 1 "+c.items); !strings.HasPrefix(got[len(got)-1], "c OK") || len(told) != c.times {
			t.Errorf("%s: told %d times, want %d: %q", c.items, len(told), c.times, got)
		}
	}
}
