package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// patience bounds every exchange with the server.
const patience = time.Minute

// Secret is every account's password.
const Secret = "geheim-12345"

const (
	stranger = "load@elsewhere.test"
	author   = "anna@nord.test" // sends with a login
)

// People are the accounts that the server must have.
func People() []string {
	return []string{author, "iris@nord.test", "paul@nord.test", "zoe@nord.test"}
}

// Dial gives the address of a listener of the server: smtp, submissions, imaps or pop3s.
type Dial func(listener string) string

// Witness is what clients were told, over all lives of a server.
type Witness struct {
	Sink *Sink

	mu       sync.Mutex // guards what follows
	life     int
	over     bool // this life has ended: what is said from now on does not count
	letters  map[string]*letter
	accounts []*account
	problems []string
	figures  Figures
	tick     int // counts what was begun and acknowledged
}

// Figures is how much has been seen.
type Figures struct {
	Lives, Sent, Accepted, Refused, Appended, Changed, Moved, Removed, Popped, Audited, Stories, Relayed, RelayedTwice int
	// Window is the longest time between the sink's 250 and the end of a life after which the letter came again.
	Window time.Duration
}

func (f Figures) String() string {
	return fmt.Sprintf("%d lives; letters: %d sent, %d accepted, %d refused for now; IMAP: %d appended, %d changed, %d moved or copied, "+
		"%d expunged; POP3: %d deleted; %d messages audited, %d stories heard; sink: %d, %d of them twice (at most %v before the end)",
		f.Lives, f.Sent, f.Accepted, f.Refused, f.Appended, f.Changed, f.Moved, f.Removed, f.Popped, f.Audited, f.Stories,
		f.Relayed, f.RelayedTwice, f.Window.Round(time.Millisecond))
}

// New opens the sink and knows of nothing yet.
func New() (*Witness, error) {
	w := &Witness{letters: map[string]*letter{}}
	for _, p := range People() {
		w.accounts = append(w.accounts, newAccount(p))
	}
	var err error
	w.Sink, err = newSink(w)
	return w, err
}

// Figures is how much has been seen so far.
func (w *Witness) Figures() Figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.figures
}

// Begin begins the server's next life. It is called before the server starts.
func (w *Witness) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.life++
	w.figures.Lives++
	w.over = false
}

// End ends this life: nothing that the server says later counts. at runs at exactly that moment; a copy of a disk made by it holds
// everything that anybody was told.
func (w *Witness) End(at func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if at != nil {
		at()
	}
	w.over = true
	w.Sink.ended(w.life)
}

// note writes down what somebody is about to do or was told, unless the life is over.
func (w *Witness) note(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	f()
	return true
}

// problem writes down a broken promise. The caller holds mu.
func (w *Witness) problem(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf("life %d: ", w.life)+fmt.Sprintf(format, args...))
}

// Verdict gives the broken promises found by the clients themselves since the last verdict.
func (w *Witness) Verdict() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verdict()
}

// verdict gives the problems found since the last verdict. The caller holds mu.
func (w *Witness) verdict() error {
	if len(w.problems) == 0 {
		return nil
	}
	shown := w.problems
	if len(shown) > 20 {
		shown = append(shown[:20:20], fmt.Sprintf("and %d more", len(w.problems)-20))
	}
	w.problems = nil
	return errors.New(strings.Join(shown, "\n"))
}

func (w *Witness) account(address string) *account {
	for _, a := range w.accounts {
		if a.address == address {
			return a
		}
	}
	return nil
}

// account is what is known of one person's mail.
type account struct {
	address string
	boxes   map[string]*box
	letters map[string]*fate // of the letters to INBOX, by token
	under   []*underway
	uidls   map[string]string // POP3's names of letters, by token, of all times
	called  map[string]string // and the other way round
}

// box is a mailbox as far as it was told.
type box struct {
	name     string
	validity uint64
	next     uint64 // the highest UIDNEXT told
	highest  uint64 // the highest MODSEQ told
	floor    uint64 // the UIDNEXT of the last audit: everything below is known
	messages map[uint64]*message
	ever     map[uint64]string // the token of each UID that was ever told
	image    map[uint64]string // the flags at the last audit, when the HIGHESTMODSEQ was imageOf
	imageOf  uint64
}

// message is one message in a box.
type message struct {
	uid, modseq uint64
	token       string
	flags       string
	copied      bool     // its copies may share its flags, as those of an e-mail in two mailboxes do (RFC 8621 section 4)
	maybe       []string // flags a command under way may have left
	mayGo       bool     // a command under way may have removed it
	present     bool     // found by the audit that runs
}

// fate is what is known of a letter in an account.
type fate struct {
	letter *letter
	placed bool   // known by UID, once at least
	told   bool   // a client was shown it
	mayGo  bool   // POP3's QUIT was sent, and not answered
	gone   bool   // POP3's QUIT was answered
	uidl   string // POP3's name, if a client has fetched it
}

// underway is a message that a command may put into a box.
type underway struct {
	token, box, flags string
	copied            bool
	least             uint64   // the UIDNEXT that had been told when it began
	from              *message // MOVE: exactly one of both must be there
	appeared          bool
}

func newAccount(address string) *account {
	a := &account{address: address, boxes: map[string]*box{}, letters: map[string]*fate{}, uidls: map[string]string{}, called: map[string]string{}}
	a.add("INBOX")
	return a
}

func (a *account) add(name string) *box {
	b := &box{name: name, messages: map[uint64]*message{}, ever: map[uint64]string{}}
	a.boxes[name] = b
	return b
}

// saw writes down numbers that the server told of a box.
func (b *box) saw(next, modseq uint64) {
	b.next, b.highest = max(b.next, next), max(b.highest, modseq)
}

func (a *account) forget(u *underway) {
	for i, x := range a.under {
		if x == u {
			a.under = append(a.under[:i], a.under[i+1:]...)
			return
		}
	}
}

// digestOf is what a letter with this token must look like. The caller holds mu.
func (w *Witness) digestOf(token string) (d [sha256.Size]byte, known bool) {
	x := w.letters[token]
	if x == nil {
		return d, false
	}
	return x.digest, true
}
