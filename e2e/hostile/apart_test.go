package hostile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// Attackers live on other machines. Here they share the processors with the server, and would be the larger part of what an honest
// client waits for. So this process, which attacks, runs at SCHED_IDLE once the server is there: it gets what nobody else wants. The
// honest clients are a process of their own.

// schedIdle is Linux' scheduling class for what may wait for everything else (sched(7)).
const schedIdle = 5

// stepBack takes this process, with all threads that it will have, behind all others.
func stepBack() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	var param int32 // priority 0, the only one
	var errs []error
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		_, _, no := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(tid), schedIdle, uintptr(unsafe.Pointer(&param))) //nolint:gosec // the kernel reads it
		if no != 0 && no != syscall.ESRCH {
			errs = append(errs, no)
		}
	}
	return errors.Join(errs...)
}

const helperAddrs = "POSTHORN_HONEST"

// report is what the honest clients' process tells at the end of a round.
type report struct {
	Delivery, Reading []time.Duration
	Failed            []string
}

// helper is the honest clients' process.
type helper struct {
	cmd *exec.Cmd
	in  *os.File
	out *bufio.Scanner
	mu  sync.Mutex // guards the conversation: one round at a time
}

// startHelper starts it. It has to happen before stepBack, for a process inherits its class.
func startHelper(t *testing.T, v *victim) *helper {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHonestHelper$", "-test.v=false") //nolint:gosec // itself
	cmd.Env = append(os.Environ(), helperAddrs+"="+v.Addr("smtp")+" "+v.Addr("imaps"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = r, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	h := &helper{cmd: cmd, in: w, out: bufio.NewScanner(out)}
	h.out.Buffer(nil, 16<<20)
	t.Cleanup(func() {
		_ = w.Close()
		_ = cmd.Wait()
	})
	return h
}

// begin has the honest clients begin.
func (h *helper) begin() error {
	h.mu.Lock()
	_, err := h.in.WriteString("begin\n")
	return err
}

// end has them stop and gives what they saw.
func (h *helper) end() (r report, err error) {
	defer h.mu.Unlock()
	if _, err := h.in.WriteString("end\n"); err != nil {
		return r, err
	}
	for h.out.Scan() {
		if line, ours := strings.CutPrefix(h.out.Text(), helperAddrs+" "); ours {
			return r, json.Unmarshal([]byte(line), &r)
		}
	}
	return r, fmt.Errorf("the honest clients have ended: %w", h.out.Err())
}

// atRest has them work for some time while nobody attacks.
func (h *helper) atRest(t *testing.T, d time.Duration) report {
	t.Helper()
	must(t, h.begin())
	time.Sleep(d) //nolint:forbidigo // the figures of a time without an attack
	r, err := h.end()
	must(t, err)
	for _, err := range r.Failed {
		t.Errorf("an honest client was not served at rest: %v", err)
	}
	return r
}

// TestHonestHelper is the honest clients' process; it is no test of its own.
func TestHonestHelper(t *testing.T) {
	addrs := strings.Fields(os.Getenv(helperAddrs))
	if len(addrs) != 2 {
		t.Skip("runs as a part of the other tests")
	}
	v := &victim{Node: &node.Node{Ports: map[string]int{}}}
	for i, name := range []string{"smtp", "imaps"} {
		_, port, _ := strings.Cut(addrs[i], ":")
		v.Ports[name], _ = strconv.Atoi(port)
	}
	var h *honest
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "begin" {
			h = v.honestClients()
			continue
		}
		_, _, failed := h.end()
		r := report{Delivery: h.delivery, Reading: h.reading}
		for _, err := range failed {
			r.Failed = append(r.Failed, err.Error())
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s %s\n", helperAddrs, b) //nolint:forbidigo // the other process reads it
	}
}

// figures sums up a report.
func (r *report) figures() (text string, worst time.Duration) {
	slices.Sort(r.Delivery)
	slices.Sort(r.Reading)
	return fmt.Sprintf("deliver p50 %v p99 %v (%d), read p50 %v p99 %v (%d)", at(r.Delivery, 50), at(r.Delivery, 99), len(r.Delivery),
		at(r.Reading, 50), at(r.Reading, 99), len(r.Reading)), max(at(r.Delivery, 99), at(r.Reading, 99))
}

// add takes another round's figures to these.
func (r *report) add(o *report) {
	r.Delivery, r.Reading = append(r.Delivery, o.Delivery...), append(r.Reading, o.Reading...)
	r.Failed = append(r.Failed, o.Failed...)
}

// times says how many times the p99 at rest the p99 of a round is.
func (r *report) times(rest *report) string {
	ratio := func(got, calm []time.Duration) float64 {
		return float64(at(got, 99)) / float64(max(at(calm, 99), time.Microsecond))
	}
	return fmt.Sprintf("p99 is %.1f times that for delivery, %.1f for reading", ratio(r.Delivery, rest.Delivery), ratio(r.Reading, rest.Reading))
}
