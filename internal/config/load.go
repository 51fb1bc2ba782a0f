package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxFile bounds the file: it is short.
const maxFile = 1 << 20

// Load reads a file. Its errors start with "file:line:" wherever there is a line to blame.
func Load(path string) (Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := Parse(path, src)
	if err != nil {
		return Config{}, err
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("find the folder of %s: %w", path, err)
	}
	c.resolvePaths(base)
	return c, nil
}

// Parse reads a file's content; name is for errors. Relative paths stay as they are.
func Parse(name string, src []byte) (Config, error) {
	if len(src) > maxFile {
		return Config{}, fmt.Errorf("%s: larger than a configuration can be", name)
	}
	c := Default()
	err := toml.NewDecoder(strings.NewReader(string(src))).DisallowUnknownFields().Decode(&c)
	if err != nil {
		return Config{}, located(name, err)
	}
	if key, err := c.check(); err != nil {
		return Config{}, fmt.Errorf("%s: %s: %w", place(name, src, key), key, err)
	}
	return c, nil
}

// located puts file and line before each of the decoder's complaints.
func located(name string, err error) error {
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		all := make([]error, 0, len(strict.Errors))
		for i := range strict.Errors {
			line, _ := strict.Errors[i].Position()
			all = append(all, fmt.Errorf("%s:%d: unknown key %s", name, line, strings.Join(strict.Errors[i].Key(), ".")))
		}
		return errors.Join(all...)
	}
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := d.Position()
		return fmt.Errorf("%s:%d: %s", name, line, strings.TrimPrefix(d.Error(), "toml: "))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// place finds the line of a key for errors that are noticed after decoding; the file's name alone if the key is not in it.
func place(name string, src []byte, key string) string {
	last := key[strings.LastIndexByte(key, '.')+1:]
	for i, line := range strings.Split(string(src), "\n") {
		left, _, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(left) == last || strings.Trim(strings.TrimSpace(line), "[]") == key {
			return fmt.Sprintf("%s:%d", name, i+1)
		}
	}
	return name
}

// check looks at what no single value shows. It names the key to blame.
func (c *Config) check() (key string, err error) {
	switch {
	case c.Hostname.Domain == "":
		return "hostname", errors.New("is missing: the name of this server, such as \"mail.example.org\"")
	case c.Data == "":
		return "data", errors.New("must name a folder")
	case c.Mail.MaxSize < 64<<10:
		return "mail.max_size", errors.New("must be at least 64 KiB (RFC 5321 section 4.5.3.1.7)")
	case c.Mail.MaxRecipients < 100:
		return "mail.max_recipients", errors.New("must be at least 100 (RFC 5321 section 4.5.3.1.8)")
	case c.Queue.Workers < 1:
		return "queue.workers", errors.New("must be at least 1")
	case c.Queue.PerHost < 1:
		return "queue.per_host", errors.New("must be at least 1")
	case c.Listen.PerAddress < 0:
		return "listen.per_address", errors.New("must not be negative")
	case c.Queue.GiveUp <= 0:
		return "queue.give_up", errors.New("must be longer than nothing")
	}
	for _, p := range c.TLS.Certificates {
		if p.Cert == "" || p.Key == "" {
			return "tls.certificate", errors.New("needs both cert and key")
		}
	}
	for _, s := range c.DNS.Servers {
		if _, err := ParseServer(s); err != nil {
			return "dns.servers", err
		}
	}
	for i := range c.Routes {
		if err := c.Routes[i].check(); err != nil {
			return "route", err
		}
	}
	return "", nil
}

func (r *Route) check() error {
	if r.Host == "" {
		return errors.New("a route needs a host")
	}
	if _, _, err := r.HostPort(); err != nil {
		return err
	}
	if len(r.Domains) == 0 {
		return errors.New("a route needs domains; \"*\" stands for all")
	}
	for _, d := range r.Domains {
		if d == "*" {
			continue
		}
		if _, err := mail.ParseDomain(d); err != nil {
			return fmt.Errorf("%q is not a domain", d)
		}
	}
	if (r.User == "") != (r.PasswordFile == "") {
		return errors.New("a route's login needs both user and password_file")
	}
	if r.User != "" && (r.TLS == RouteOpportunistic || r.TLS == RouteClear) {
		return errors.New("a route with a login needs TLS that cannot be stripped: require or implicit")
	}
	return nil
}

// ParseServer reads a name server's address, with port 53 if it has none.
func ParseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address of a name server", s)
	}
	return ap, nil
}

// HostPort splits a route's host; the port is 0 when none is written.
func (r *Route) HostPort() (host string, port uint16, err error) {
	h, p, withPort := splitHostPort(r.Host)
	if !withPort {
		return r.Host, 0, nil
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q has no port number", r.Host)
	}
	return h, uint16(n), nil
}

func splitHostPort(s string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(s)
	return host, port, err == nil
}

func (c *Config) resolvePaths(base string) {
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	abs(&c.Data)
	abs(&c.TLS.Trust)
	abs(&c.Log.Mail)
	for i := range c.TLS.Certificates {
		abs(&c.TLS.Certificates[i].Cert)
		abs(&c.TLS.Certificates[i].Key)
	}
	for i := range c.Routes {
		abs(&c.Routes[i].PasswordFile)
	}
}
