package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stat is what the kernel says of a process in /proc/PID/stat.
type stat struct {
	parent        int
	own, children time.Duration // CPU time; of the children that have ended and were waited for
}

func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, false
	}
	// Behind the name in parentheses: state, ppid, …; utime, stime, cutime and cstime in hundredths of a second.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 15 || f[0] == "Z" {
		return stat{}, false
	}
	n := func(i int) int64 {
		v, _ := strconv.ParseInt(f[i], 10, 64)
		return v
	}
	const tick = 10 * time.Millisecond
	return stat{parent: int(n(1)), own: time.Duration(n(11)+n(12)) * tick, children: time.Duration(n(13)+n(14)) * tick}, true
}

// family is a process and all that descend from it.
func family(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			children[s.parent] = append(children[s.parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// gone waits until the processes have ended, and ends by force those that have not after five seconds.
func gone(pids []int) {
	for range 100 {
		alive := false
		for _, pid := range pids {
			_, ok := readStat(pid)
			alive = alive || ok
		}
		if !alive {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	killAll(pids)
}

func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// rss is the proportional resident memory of processes, in bytes (shared pages counted once).
func rss(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		total += kibOf(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:") // 0 if it has ended
	}
	if total == 0 {
		return 0, fmt.Errorf("no memory figures for %v", pids)
	}
	return total, nil
}

// highWater is the most memory a process had resident, as the kernel says it.
func highWater(pid int) int64 { return kibOf(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:") }

// kibOf reads a figure in KiB from one of the kernel's tables, in bytes.
func kibOf(path, key string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// diskUse is what the files of a folder take on the disk, in bytes.
func diskUse(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a file that has just been removed takes no room
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += min(st.Blocks*512, info.Size()+4095) // less what is only set aside for later
			}
		}
		return nil
	})
	return total
}
