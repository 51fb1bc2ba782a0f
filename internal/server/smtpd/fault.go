package smtpd

import (
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// code is how a fault is said: reply code (RFC 5321 section 4.2) and enhanced status code (RFC 3463 and its registry).
type code struct {
	reply  int
	status string
}

// codes is the one table that turns faults into replies.
var codes = map[mail.Kind]code{
	mail.KindInternal:    {451, "4.3.0"},
	mail.KindUnavailable: {451, "4.3.0"},
	mail.KindDiskFull:    {452, "4.3.1"},
	mail.KindConflict:    {451, "4.3.0"},
	mail.KindTooMany:     {450, "4.7.1"},
	mail.KindOverQuota:   {452, "4.2.2"},
	mail.KindGreylisted:  {451, "4.7.1"},
	mail.KindLoginLater:  {454, "4.7.0"},
	mail.KindInUse:       {450, "4.2.0"},

	mail.KindSyntax:         {501, "5.5.4"},
	mail.KindNoSuchUser:     {550, "5.1.1"},
	mail.KindNoSuchDomain:   {550, "5.1.2"},
	mail.KindNoMail:         {556, "5.1.10"}, // RFC 7505 section 4.1
	mail.KindBadAddress:     {553, "5.1.3"},
	mail.KindRelayDenied:    {550, "5.7.1"},
	mail.KindSenderNotYours: {553, "5.7.1"},
	mail.KindPolicy:         {550, "5.7.1"},
	mail.KindTooLarge:       {552, "5.3.4"},
	// Temporary in SMTP, though the fault is not: the client is to send the rest in another transaction (RFC 5321
	// section 4.5.3.1.10).
	mail.KindTooManyRecipients: {452, "4.5.3"},
	mail.KindLoop:              {554, "5.4.6"},
	mail.KindNeedsUTF8:         {553, "5.6.7"}, // RFC 6531 section 3.5
	mail.KindNeeds8Bit:         {554, "5.6.3"},
	mail.KindNeedsTLS:          {550, "5.7.30"}, // RFC 8689 section 5
	mail.KindBadContent:        {554, "5.6.0"},
	mail.KindExpired:           {554, "5.4.7"},
	mail.KindLoginFailed:       {535, "5.7.8"}, // RFC 4954 section 6
	mail.KindLoginNeeded:       {530, "5.7.0"},
	mail.KindTLSNeeded:         {530, "5.7.0"}, // RFC 3207 section 4
	mail.KindNotFound:          {550, "5.1.1"},
	mail.KindExists:            {554, "5.5.0"},
	mail.KindNotAllowed:        {550, "5.7.1"},
	mail.KindLimit:             {554, "5.5.3"},
	mail.KindDisabled:          {550, "5.2.1"},
	mail.KindUnsupported:       {502, "5.5.1"},
}

// byStage holds what is said differently of a sender, a recipient, a message or a login.
var byStage = map[obs.Stage]map[mail.Kind]code{
	obs.StageMail: {
		mail.KindUnsupported:  {555, "5.5.4"}, // RFC 5321 section 4.1.1.11
		mail.KindBadAddress:   {553, "5.1.7"},
		mail.KindNoSuchUser:   {550, "5.1.0"},
		mail.KindNoSuchDomain: {550, "5.1.8"},
		mail.KindNoMail:       {550, "5.7.27"}, // RFC 7505 section 4.2
	},
	obs.StageRcpt: {
		mail.KindUnsupported: {555, "5.5.4"},
	},
	obs.StageData: {
		mail.KindSyntax:      {554, "5.6.0"},
		mail.KindNeedsUTF8:   {554, "5.6.7"},
		mail.KindUnsupported: {554, "5.6.1"},
		mail.KindPolicy:      {554, "5.7.1"},
	},
	obs.StageLogin: {
		mail.KindUnsupported: {504, "5.5.4"},
		mail.KindSyntax:      {501, "5.5.2"},
		mail.KindTLSNeeded:   {538, "5.7.11"}, // RFC 4954 section 6
		mail.KindInternal:    {454, "4.7.0"},
		mail.KindUnavailable: {454, "4.7.0"},
		mail.KindDisabled:    {535, "5.7.13"}, // RFC 5248's registry: user account disabled
	},
	obs.StageConnect: {
		mail.KindTooMany: {421, "4.7.0"},
		mail.KindPolicy:  {554, "5.7.1"},
	},
}

// maxText bounds what a fault says of itself, so that the reply stays within 512 bytes (RFC 5321 section 4.5.3.1.5).
const maxText = 480

// faultReply turns a fault into the reply to a command of the stage.
func faultReply(stage obs.Stage, f *mail.Fault) smtp.Reply {
	c, ok := byStage[stage][f.Kind]
	if !ok {
		c, ok = codes[f.Kind]
	}
	if !ok {
		c = codes[mail.KindInternal]
	}
	return smtp.Say(c.reply, c.status, sayable(f.Public))
}

// sayable cuts a sentence to what fits a reply, in ASCII: only a client that asked for SMTPUTF8 could read more, and no
// sentence needs it.
func sayable(s string) string {
	out := make([]byte, 0, min(len(s), maxText))
	for _, r := range s {
		if len(out) == maxText {
			break
		}
		if r < ' ' || r >= utf8.RuneSelf || r == 0x7f {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return string(out)
}
