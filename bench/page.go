package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// terms are what a reader must know to believe the table.
const terms = `Medians of %d runs of each side in turn, in brackets the spread; the ratio is how many times as good Posthorn is as the peer beside it, by the
medians of the same run. The aims are the project's own, and stand here whether met or not. For times and memory less is better.

- **Durability is the same on every side.** Posthorn commits and syncs before its 250 and its OK. Postfix syncs its queue file before its
  250, as it always does; Dovecot runs with ` + "`mail_fsync = optimized`" + `, its default, which syncs what would be lost. smtp-sink keeps nothing: it is
  the floor, not a peer.
- A delivery is measured from the first connection until IMAP shows the last message in its mailbox; a submission until the remote sink has it.
- MX in is without TLS on both sides but for the STARTTLS row. The IMAP mix, POP3 and submission (which has a login) are measured with TLS on both
  sides and without it on both; Posthorn with TLS beside a peer without it has no aim. Keys: ECDSA on P-256 on both sides; TLS 1.3 with X25519; a full
  handshake for each connection, no session is resumed. POP3 asks for one message after the other; the server that answers from memory is what
  nobody can be faster than, as smtp-sink is for submission. The big mailbox is read
  without TLS from both.
- Mail comes in from Postfix's smtp-source, one for each mailbox, which sends a command and waits for its reply; where the row says so, and where there are
  TLS, a login or many recipients, from programs in ` + "`bench/`" + ` that pipeline, as mail servers do. All of it runs on the same machine and is the same for
  all sides. Slow sides get fewer messages; the rate is what counts. Mailboxes are filled before the clock starts, as fast as each side offers it.
- Postfix: default_process_limit and concurrency limits raised to what the load has sessions, rate limits off, what is put off is tried again
  after a second; Dovecot: mdbox, LMTP, login processes in their fast mode (service_count = 0).
`

// write writes the page.
func (b *bench) write(w io.Writer, began time.Time) {
	fmt.Fprintf(w, "# Figures of one run\n\nMade by `make bench` on %s UTC, in %.0f minutes, at commit %s. %s\n\n",
		began.UTC().Format("2006-01-02 15:04"), time.Since(began).Minutes(), output("git", "rev-parse", "--short", "HEAD"), about())
	fmt.Fprintf(w, terms+"\n", b.repeat)
	fmt.Fprint(w, "| row | Posthorn | peer | ratio | aim |\n|---|---|---|---|---|\n")
	var missed []string
	for _, r := range b.results {
		for _, l := range r.lines() {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", l.row, l.ours, l.peer, l.ratio, l.aim)
			if l.missed != "" {
				missed = append(missed, l.missed)
			}
		}
	}
	fmt.Fprint(w, "\n## Aims missed\n\n")
	for _, m := range missed {
		fmt.Fprintf(w, "- %s\n", m)
	}
	if len(missed) == 0 {
		fmt.Fprintln(w, "None of the rows above.")
	}
	b.writeCosts(w)
	if b.shares != nil {
		fmt.Fprintf(w, "\n## Where a delivery's CPU time goes\n\nMX in, 4 KiB, 20 sessions, 20 mailboxes, without TLS; a CPU profile of Posthorn, kernel included.\n\n%s", b.shares.markdown())
	}
}

// writeCosts tells what operations cost, which depends less on what else a machine does than a rate.
func (b *bench) writeCosts(w io.Writer) {
	if len(b.spent) == 0 {
		return
	}
	fmt.Fprint(w, "\n## What an operation costs\n\nMedians, by the kernel's books, of the server's processes alone: CPU time for each message, recipient or command, and bytes\n"+
		"written to the disk for each byte of mail accepted.\n\n| row | side | CPU | bytes written |\n|---|---|---|---|\n")
	for _, s := range b.spent {
		written := "–"
		if len(s.written) > 0 {
			written = fmt.Sprintf("%.2f", median(s.written))
		}
		fmt.Fprintf(w, "| %s | %s | %.0f µs | %s |\n", s.row, s.side, median(s.cpu), written)
	}
}

// lastSpent is what the newest run of a side cost in the row that runs.
func (b *bench) lastSpent(side string) (cpu, written float64) {
	for _, s := range b.spent {
		if s.row == b.row && s.side == side && len(s.written) > 0 {
			return s.cpu[len(s.cpu)-1], s.written[len(s.written)-1]
		}
	}
	return 0, 0
}

// about names the machine and the versions.
func about() string {
	return fmt.Sprintf("%d cores (%s), %d GiB of memory, %s on %s, %s/%s, %s; Postfix %s, Dovecot %s; loopback, everything on one disk and in one run.",
		runtime.NumCPU(), processor(), kibOf("/proc/meminfo", "MemTotal:")>>30, output("uname", "-sr"), fileSystem(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), output("postconf", "-d", "-h", "mail_version"), output("dovecot", "--version"))
}

// output is the first line that a program says; ? if it says none.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "?"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return "unknown"
}

// fileSystem is the kind of file system the run's folders are on.
func fileSystem() string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(workDir, &st); err != nil {
		return "?"
	}
	kinds := map[int64]string{0xef53: "ext4", 0x58465342: "XFS", 0x9123683e: "Btrfs", 0x01021994: "tmpfs (memory: nothing is durable)", 0x794c7630: "overlayfs"}
	if name, ok := kinds[st.Type]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", st.Type)
}
