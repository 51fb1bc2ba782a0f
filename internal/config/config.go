package config

import (
	"log/slog"
	"path/filepath"
	"time"
)

// Config is the whole file.
type Config struct {
	// Hostname is the name this server gives itself in greetings, Received fields and notices. Its addresses in DNS should lead here,
	// and back.
	Hostname Host `toml:"hostname"`
	// Data is the folder of the store, of the admin socket and of the certificate made by init. Relative paths in the file are
	// relative to the file's own folder.
	Data string `toml:"data"`

	Listen Listen `toml:"listen"`
	TLS    TLS    `toml:"tls"`
	Mail   Mail   `toml:"mail"`
	Queue  Queue  `toml:"queue"`
	DNS    DNS    `toml:"dns"`
	Log    Log    `toml:"log"`
	// Routes say by which way mail for a domain leaves; domains without one go by their MX. A smarthost for everything is one route
	// for "*".
	Routes []Route `toml:"route"`
}

// Listen is where connections are taken: "host:port", ":port" for all addresses, "unix:/path" for a socket. An empty list closes the service.
type Listen struct {
	SMTP        []Addr `toml:"smtp"`        // mail from other servers; STARTTLS
	Submission  []Addr `toml:"submission"`  // mail from people's programs; STARTTLS, then login
	Submissions []Addr `toml:"submissions"` // the same with TLS from the start (RFC 8314)
	LMTP        []Addr `toml:"lmtp"`        // mail from another server of ours (RFC 2033); whoever reaches it may deliver
	IMAP        []Addr `toml:"imap"`
	IMAPS       []Addr `toml:"imaps"`
	POP3        []Addr `toml:"pop3"`
	POP3S       []Addr `toml:"pop3s"`
	// Metrics is for Prometheus (/metrics) and for health checks (/healthz, /readyz). It has no login: keep it local.
	Metrics []Addr `toml:"metrics"`
	// ProxyFrom lists networks whose connections start with a PROXY protocol header (v1 or v2) naming the real client.
	ProxyFrom []Network `toml:"proxy_from"`
	// Trusted lists networks whose clients may send anywhere without a login: printers, old machines. Nobody else relays.
	Trusted []Network `toml:"trusted"`
	// LoginWithoutTLSFrom lists networks whose clients may log in without TLS, as nobody can listen in between: webmail, a fetcher or a
	// proxy that ends TLS, on this machine. It is the client's own address that counts, not that of a proxy that names its client.
	LoginWithoutTLSFrom []Network `toml:"login_without_tls_from"`
	// PerAddress bounds the connections open at once from one address (IPv6: from one /64), for each protocol.
	PerAddress int `toml:"per_address"`
}

// TLS is what we show to clients.
type TLS struct {
	// Certificates are chosen by the name a client asks for; the first is for those who ask for none. Files are read again when they
	// change. Without any, the self-signed one in Data is shown.
	Certificates []Certificate `toml:"certificate"`
	// Trust names a file of more certificate authorities to believe when we are the client, beside the system's.
	Trust string `toml:"trust"`
}

// Certificate is a pair of PEM files.
type Certificate struct {
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
}

// Mail bounds messages.
type Mail struct {
	MaxSize       Size `toml:"max_size"`
	MaxRecipients int  `toml:"max_recipients"`
	// HideClient leaves the sender's own address and program name out of the Received field of submitted mail.
	HideClient bool `toml:"hide_client"`
	// Journey is how long a message's story is kept after its last event.
	Journey Duration `toml:"journey"`
	// SendLimit bounds how many recipients elsewhere one account may write to in a day; 0 for no limit.
	SendLimit int `toml:"send_limit"`
}

// Queue says how long and how hard delivery is tried.
type Queue struct {
	GiveUp      Duration `toml:"give_up"`      // then the sender gets the message back
	DelayNotice Duration `toml:"delay_notice"` // then the sender is told that it takes longer; 0 for never
	Workers     int      `toml:"workers"`      // attempts at once; those that only wait for a silent server to answer do not count
	PerHost     int      `toml:"per_host"`     // and to one destination
}

// DNS says whom to ask; empty means the servers of /etc/resolv.conf.
type DNS struct {
	Servers []string `toml:"servers"`
}

// Log says what is written where.
type Log struct {
	Level  slog.Level `toml:"level"`
	Format Format     `toml:"format"`
	// Mail is the file of the mail log; empty for standard output.
	Mail string `toml:"mail"`
}

// Route sends mail for some domains to a fixed server.
type Route struct {
	Domains []string `toml:"domains"` // names or "*" for all that no other route names
	Host    string   `toml:"host"`    // host or host:port; the port is 587 with a login, else 25
	// TLS is "opportunistic", "require" (STARTTLS and a certificate that fits), "implicit" (TLS from the start, as on port 465, and a
	// certificate that fits) or "none" (for a server on this machine). With a login the default is "require".
	TLS RouteTLS `toml:"tls"`
	// Protocol is "smtp" or, for a mail store beside us, "lmtp".
	Protocol     RouteProtocol `toml:"protocol"`
	User         string        `toml:"user"`
	PasswordFile string        `toml:"password_file"`
}

// Default is the configuration of an empty file.
func Default() Config {
	return Config{
		Data: "data",
		Listen: Listen{
			SMTP: []Addr{TCP(":25")}, Submission: []Addr{TCP(":587")}, Submissions: []Addr{TCP(":465")},
			IMAP: []Addr{TCP(":143")}, IMAPS: []Addr{TCP(":993")}, POP3: []Addr{TCP(":110")}, POP3S: []Addr{TCP(":995")},
			Metrics: []Addr{TCP("127.0.0.1:9125")}, PerAddress: 40,
		},
		Mail: Mail{MaxSize: 50 << 20, MaxRecipients: 100, Journey: Duration(30 * 24 * time.Hour)},
		Queue: Queue{
			GiveUp: Duration(5 * 24 * time.Hour), DelayNotice: Duration(4 * time.Hour), Workers: 100, PerHost: 10,
		},
	}
}

// Socket is the path of the local admin socket.
func (c *Config) Socket() string { return filepath.Join(c.Data, "admin.sock") }

// StoreDir is the folder of the store.
func (c *Config) StoreDir() string { return filepath.Join(c.Data, "store") }

// OwnCertificate is the pair that init makes when no other is named.
func (c *Config) OwnCertificate() Certificate {
	return Certificate{Cert: filepath.Join(c.Data, "tls", "self-signed.crt"), Key: filepath.Join(c.Data, "tls", "self-signed.key")}
}
