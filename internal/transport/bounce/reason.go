package bounce

import (
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// reason is why a message was not delivered, as far as a person needs to know it.
type reason uint8

const (
	refused reason = iota // for reasons unknown
	noAddress
	noDomain
	noMail
	full
	disabled
	tooLarge
	spam
	blocked
	unproven
	badSender
	notInCharge
	needsTLS
	needsUTF8
	needs8Bit
	badContent
	loop
	unreachable
	notNow
	provider
	tooMany
)

// sentences are what a reason is told by.
var sentences = [...]struct{ why, help text.Key }{
	refused:     {text.BounceRefusedWhy, text.BounceRefusedHelp},
	noAddress:   {text.BounceNoAddressWhy, text.BounceNoAddressHelp},
	noDomain:    {text.BounceNoDomainWhy, text.BounceNoDomainHelp},
	noMail:      {text.BounceNoMailWhy, text.BounceNoMailHelp},
	full:        {text.BounceFullWhy, text.BounceFullHelp},
	disabled:    {text.BounceDisabledWhy, text.BounceDisabledHelp},
	tooLarge:    {text.BounceTooLargeWhy, text.BounceTooLargeHelp},
	spam:        {text.BounceSpamWhy, text.BounceSpamHelp},
	blocked:     {text.BounceBlockedWhy, text.BounceBlockedHelp},
	unproven:    {text.BounceUnprovenWhy, text.BounceUnprovenHelp},
	badSender:   {text.BounceBadSenderWhy, text.BounceBadSenderHelp},
	notInCharge: {text.BounceNotInChargeWhy, text.BounceNotInChargeHelp},
	needsTLS:    {text.BounceNeedsTLSWhy, text.BounceNeedsTLSHelp},
	needsUTF8:   {text.BounceNeedsUTF8Why, text.BounceNeedsUTF8Help},
	needs8Bit:   {text.BounceNeeds8BitWhy, text.BounceNeeds8BitHelp},
	badContent:  {text.BounceBadContentWhy, text.BounceBadContentHelp},
	loop:        {text.BounceLoopWhy, text.BounceLoopHelp},
	unreachable: {text.BounceUnreachableWhy, text.BounceUnreachableHelp},
	notNow:      {text.BounceNotNowWhy, text.BounceNotNowHelp},
	provider:    {text.BounceProviderWhy, text.BounceProviderHelp},
	tooMany:     {text.BounceTooManyWhy, text.BounceTooManyHelp},
}

// byStatus are the enhanced status codes (RFC 3463 and the IANA registry) that say by themselves what is wrong, without
// their class.
var byStatus = map[string]reason{
	"1.1": noAddress, "1.3": noAddress, "1.4": noAddress, "1.6": noAddress,
	"1.2": noDomain, "4.3": unreachable, "4.4": noDomain,
	"1.7": badSender, "1.8": badSender, "7.27": badSender,
	"1.10": noMail, "2.1": disabled, "2.2": full, "2.3": tooLarge, "3.4": tooLarge,
	"4.6": loop, "5.3": tooMany, "6.0": badContent, "6.1": badContent,
	"6.3": needs8Bit, "6.7": needsUTF8, "6.9": needsUTF8, "6.10": needsUTF8,
	"7.10": needsTLS, "7.30": needsTLS, "7.11": needsTLS, "7.4": needsTLS, "7.5": needsTLS,
	"7.8": provider, "7.9": provider,
	"7.20": unproven, "7.21": unproven, "7.22": unproven, "7.23": unproven, "7.24": unproven, "7.26": unproven, "7.29": unproven,
	"7.25": blocked,
}

// byWords are what servers say beside a code that means anything or nothing. The first that is found counts, so the
// particular stand before the general.
var byWords = []struct {
	reason reason
	words  []string
}{
	{unproven, []string{"dmarc", "dkim", "spf ", "spf-", "spf:", "sender policy framework", "unauthenticated mail", "not authenticated"}},
	{blocked, []string{"blocklist", "block list", "blacklist", "black list", "spamhaus", "spamcop", "barracuda", "dnsbl", "rbl",
		"reputation", "blocked using", "banned", "reverse dns", "ptr record", "rdns", "bad reputation", "your ip", "client host rejected"}},
	{spam, []string{"spam", "unsolicited", "junk", "bulk mail", "virus", "malware", "content rejected", "message content", "high score"}},
	{full, []string{"quota", "mailbox full", "mailbox is full", "mailbox size", "inbox is full", "insufficient storage", "out of storage",
		"storage limit", "over limit", "postfach ist voll", "postfach voll"}},
	{tooLarge, []string{"too large", "too big", "size limit", "message size", "maximum size", "exceeds size", "zu gross", "zu groß"}},
	{disabled, []string{"disabled", "inactive", "suspended", "deactivated", "not active", "account locked", "deaktiviert", "gesperrt"}},
	{noAddress, []string{"user unknown", "unknown user", "no such user", "no such recipient", "no such mailbox", "no such address",
		"unknown recipient", "recipient unknown", "unknown local", "unknown address", "unknown mailbox", "does not exist", "doesn't exist",
		"not exist", "not found", "invalid recipient", "invalid mailbox", "invalid address", "no mailbox", "mailbox unavailable",
		"recipient address rejected", "recipient rejected", "address rejected", "not a valid", "no longer", "not listed", "undeliverable",
		"unbekannt", "existiert nicht", "gibt es nicht", "nicht gefunden"}},
	{notInCharge, []string{"relay", "not local", "not permitted to send to", "we do not handle", "not our customer"}},
	{needsTLS, []string{"starttls", "tls required", "requires tls", "encryption"}},
	{loop, []string{"loop", "too many hops", "hop count"}},
	{badSender, []string{"sender address", "sender rejected", "sender verify", "sender domain", "mail from", "return path"}},
	{provider, []string{"authentication required", "authentication failed", "login failed", "authenticate first", "auth first"}},
	{tooMany, []string{"too many recipients"}},
	{badContent, []string{"malformed", "header", "rfc 5322", "rfc5322", "line too long", "bare lf", "invalid message"}},
}

// why finds the reason in what is known of the last attempt.
func why(o queue.Outcome) reason {
	r := o.Result
	answered := r.Code != 0
	if isStatus(r.Enhanced) {
		key := r.Enhanced[2:]
		switch found, ok := byStatus[key]; {
		case ok && (key != "1.2" || !answered): // a server that answers for a domain thereby says that it is there
			return found
		case key == "4.1" && answered && r.Enhanced[0] == '5': // what Microsoft says of unknown recipients
			return noAddress
		}
	}
	if found, ok := spoken(r.Reply); ok && answered {
		return found
	}
	temporary := o.Action == queue.ActionDelayed || o.Expired || r.Status == queue.Deferred
	switch {
	case r.Code == 530 || r.Code == 534 || r.Code == 535:
		return provider
	case temporary && answered:
		return notNow
	case temporary:
		return unreachable
	case (r.Code == 550 || r.Code == 551 || r.Code == 553) && strings.HasSuffix(r.Enhanced, ".1.0"):
		return noAddress
	case r.Code == 552:
		return tooLarge
	}
	return refused
}

// spoken looks for words in a reply.
func spoken(reply string) (reason, bool) {
	reply = strings.ToLower(reply)
	for _, w := range byWords {
		for _, s := range w.words {
			if strings.Contains(reply, s) {
				return w.reason, true
			}
		}
	}
	return refused, false
}
