package config

import "strings"

// Example is a commented file with every key at its default, for a server of that name.
func Example(hostname, data string) string {
	return strings.NewReplacer("HOSTNAME", hostname, "DATA", data).Replace(example)
}

const example = `# Posthorn. Every key below but hostname may be left out; the values shown are the defaults.
# Domains, accounts, aliases and groups are not here: see "posthorn domain", "posthorn account" and so on.

# The name of this server. Its DNS addresses should lead here, and their reverse names back to it.
hostname = "HOSTNAME"

# The folder of everything that is stored. Relative paths are relative to this file.
data = "DATA"

[listen]
# "host:port", ":port" for all addresses, or "unix:/path". An empty list closes a service.
smtp        = [":25"]             # mail from other servers
submission  = [":587"]            # mail from people's programs, STARTTLS
submissions = [":465"]            # the same, TLS from the start
imap        = [":143"]
imaps       = [":993"]
pop3        = [":110"]
pop3s       = [":995"]
lmtp        = []                  # mail from another server of yours; no login, so keep it private
metrics     = ["127.0.0.1:9125"]  # /metrics for Prometheus, /healthz and /readyz; no login, so keep it private
proxy_from  = []                  # load balancers that send a PROXY protocol header, such as "10.0.0.0/8"
trusted     = []                  # clients that may send anywhere without a login, such as a printer's address
# Clients that may log in without TLS, as nobody can listen in between, such as "127.0.0.0/8" and "::1" for webmail on this machine.
login_without_tls_from = []
per_address = 40                  # connections open at once from one address, for each protocol

[tls]
# Certificates are chosen by the name a client asks for, and read again when the files change. Without any, a self-signed
# one is shown, which other servers take but people's programs warn about.
#[[tls.certificate]]
#cert = "/etc/letsencrypt/live/HOSTNAME/fullchain.pem"
#key  = "/etc/letsencrypt/live/HOSTNAME/privkey.pem"
trust = ""                        # a PEM file of more authorities to believe, beside the system's

[mail]
max_size       = "50 MiB"
max_recipients = 100
hide_client    = false            # leave the sender's own address out of the mail's trace
journey        = "30d"            # how long the story of a message is kept
send_limit     = 0                # recipients elsewhere per account and day; 0: no limit

[queue]
give_up      = "5d"               # then a message goes back to its sender
delay_notice = "4h"               # then the sender is told that it takes longer; "0s": never
workers      = 100                # deliveries to other servers at once
per_host     = 10                 # and to one destination

[dns]
servers = []                      # name servers to ask; empty: those of /etc/resolv.conf

[log]
level  = "info"                   # debug, info, warn, error
format = "text"                   # text, json
mail   = ""                       # the file of the mail log; empty: standard output

# Send mail through a provider instead of directly: "*" stands for all domains.
#[[route]]
#domains       = ["*"]
#host          = "smtp.example.com:587"
#tls           = "require"        # opportunistic, require, implicit, none
#protocol      = "smtp"           # smtp, lmtp
#user          = "me@example.com"
#password_file = "provider-password"
`
