package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// bench is one run.
type bench struct {
	repeat  int
	cleanup cleanup
	dir     string // for what lives as long as the run
	binary  string // Posthorn's
	sink    *sink
	row     string // the name of the one that runs

	results []result
	spent   []*spent
	shares  *shares // of the row "profile"; nil before
}

func main() {
	work := run
	if len(os.Args) > 2 && os.Args[1] == floorWord {
		work = func() error { return answerFromMemory(os.Args[2:]) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const (
	page    = "bench/RESULTS.md"
	partial = "bench/RESULTS.partial.md" // while a whole run goes on, and after one that was broken off
)

func run() error {
	only := os.Getenv("ONLY") // names of rows, with commas between; empty for all
	chosen, err := choose(rows(), only)
	if err != nil {
		return err
	}
	if err := installed(); err != nil {
		return err
	}
	b := &bench{repeat: repeats()}
	b.cleanup.onSignal()
	defer b.cleanup.end()
	sweep()
	if err := b.prepare(); err != nil {
		return err
	}
	whole := only == ""
	began := time.Now()
	for _, r := range chosen {
		b.runRow(r)
		if whole {
			if err := b.save(partial, began); err != nil {
				return err
			}
		}
	}
	b.write(os.Stdout, began)
	if whole || os.Getenv("SAVE") != "" {
		if err := b.save(page, began); err != nil {
			return err
		}
		_ = os.Remove(partial)
	}
	return failure(b.results)
}

// choose picks the rows named in only, all if it is empty.
func choose(all []row, only string) ([]row, error) {
	if only == "" {
		return all, nil
	}
	var names []string
	for _, r := range all {
		names = append(names, r.name)
	}
	wanted := strings.Split(only, ",")
	for _, w := range wanted {
		if !slices.Contains(names, w) {
			return nil, fmt.Errorf("no row is called %q; there are: %s", w, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(r row) bool { return !slices.Contains(wanted, r.name) }), nil
}

// prepare builds Posthorn and starts the sink.
func (b *bench) prepare() error {
	_, err := b.cleanup.starting(func() (func(), error) {
		var err error
		b.dir, err = folder("run")
		return func() { _ = os.RemoveAll(b.dir) }, err
	})
	if err != nil {
		return err
	}
	if err := b.build(); err != nil {
		return err
	}
	b.sink, err = b.startSink()
	return err
}

func (b *bench) runRow(r row) {
	fmt.Fprintf(os.Stderr, "%s: %s …\n", r.name, r.title)
	b.row = r.name
	began := time.Now()
	res, err := r.run(b)
	if err != nil {
		fmt.Fprintf(os.Stderr, "  failed: %v\n", err)
		res = []result{{failed: err}}
	}
	for i := range res {
		res[i].row = cmp.Or(res[i].row, r.title)
		for _, l := range res[i].lines() {
			fmt.Fprintf(os.Stderr, "  = %s | %s | %s | %s | %s\n", l.row, l.ours, l.peer, l.ratio, l.aim)
		}
	}
	b.results = append(b.results, res...)
	fmt.Fprintf(os.Stderr, "  %s took %.0f s\n", r.name, time.Since(began).Seconds())
}

// save writes the page; a page is whole or not there.
func (b *bench) save(path string, began time.Time) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".results-*")
	if err != nil {
		return err
	}
	b.write(f, began)
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func failure(results []result) error {
	var failed []string
	for _, r := range results {
		if r.failed != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", r.row, r.failed))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d rows failed:\n%s", len(failed), strings.Join(failed, "\n"))
}

// side is one of those a row compares.
type side struct {
	into *figure
	once func() (float64, error)
}

// inTurn runs each side once, as often as the run repeats: one after the other, so that a machine that slows down slows all.
func (b *bench) inTurn(sides ...side) error { return inTurn(b.repeat, sides...) }

func inTurn(times int, sides ...side) error {
	for range times {
		for _, s := range sides {
			syscall.Sync() // what the one before left for later shall not be this one's burden
			v, err := s.once()
			if err != nil {
				return fmt.Errorf("%s: %w", s.into.name, err)
			}
			fmt.Fprintf(os.Stderr, "  %s: %s %s\n", s.into.name, short(v), s.into.unit)
			s.into.runs = append(s.into.runs, v)
		}
	}
	return nil
}

// repeats is how often each side of a row runs; REPEAT changes it.
func repeats() int { return number("REPEAT", 3) }

// number is a figure from the environment, usual if it is not there.
func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// installed installs what of the peers is missing, or says all that is.
func installed() error {
	var missing []string
	for _, need := range [][2]string{
		{"postfix", "postfix"}, {"smtp-sink", "postfix"}, {"dovecot", "dovecot-core"}, {"imap", "dovecot-imapd"},
		{"pop3", "dovecot-pop3d"}, {"lmtp", "dovecot-lmtpd"},
	} {
		if _, err := peers.Ensure(need[0], need[1]); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the peers are not all here:\n  %s\nOn Debian: apt-get install postfix dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd",
			strings.Join(missing, "\n  "))
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("run it as root: Postfix and Dovecot start their processes under accounts of their own")
	}
	return nil
}
