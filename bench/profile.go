package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// profile records where the CPU's time goes while a row runs, if PROFILE names a file for it. The function it returns waits
// until the file is written. SECONDS is how long it records, 4 if not set.
func (t *target) profile() func() {
	if t.secure {
		return t.profileAs("")
	}
	return t.profileAs("plain")
}

// profileAs is profile for rows with several loads: the name is added to the file's.
func (t *target) profileAs(name string) func() {
	path := os.Getenv("PROFILE")
	if path != "" && name != "" {
		path += "." + name
	}
	if path == "" || t.metrics == "" {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fetch("http://"+t.metrics+"/debug/pprof/profile?seconds="+cmp.Or(os.Getenv("SECONDS"), "4"), path); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
	}()
	return func() { <-done }
}

func profileName(path, kind string) string {
	if path == os.DevNull {
		return path
	}
	return path + "." + kind
}

func fetch(url, path string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, resp.Body); err != nil {
		return err
	}
	return f.Close()
}

// heap collects garbage and, if PROFILE names a file for it, records what is in memory, and the goroutines.
func (t *target) heap() {
	if t.metrics == "" {
		return
	}
	path := os.Getenv("PROFILE")
	if path == "" {
		path = os.DevNull
	}
	for _, kind := range []string{"heap?gc=1", "goroutine?debug=1", "heap?debug=1"} {
		name, _, _ := strings.Cut(kind, "?")
		if kind == "heap?debug=1" {
			name = "memstats"
		}
		if err := fetch("http://"+t.metrics+"/debug/pprof/"+kind, profileName(path, name)); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
	}
}
