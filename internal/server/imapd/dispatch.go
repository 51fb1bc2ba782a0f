package imapd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// phase is where a session is (RFC 9051 section 3).
type phase uint8

const (
	notAuthenticated phase = 1 << iota
	authenticated
	selected

	loggedIn = authenticated | selected
	anyPhase = notAuthenticated | loggedIn
)

// telling is what of other sessions' changes may be told after a command.
type telling uint8

const (
	tellNothing   telling = iota
	tellNoExpunge         // new messages and flags: after commands that count in sequence numbers
	tellAll
)

// command is one line of the table.
type command struct {
	run  func(ctx context.Context, s *session, c *imap.Command) (done, error)
	in   phase
	tell telling
}

// table is every command the server knows.
func table() map[string]command {
	return map[string]command{
		"CAPABILITY":   {cmdCapability, anyPhase, tellAll},
		"NOOP":         {cmdNoop, anyPhase, tellAll},
		"LOGOUT":       {cmdLogout, anyPhase, tellNothing},
		"ID":           {cmdID, anyPhase, tellAll},
		"STARTTLS":     {cmdStartTLS, notAuthenticated, tellNothing},
		"AUTHENTICATE": {cmdAuthenticate, notAuthenticated, tellNothing},
		"LOGIN":        {cmdLogin, notAuthenticated, tellNothing},

		"ENABLE":      {cmdEnable, loggedIn, tellAll},
		"NAMESPACE":   {cmdNamespace, loggedIn, tellAll},
		"SELECT":      {cmdSelect, loggedIn, tellNothing},
		"EXAMINE":     {cmdExamine, loggedIn, tellNothing},
		"CREATE":      {cmdCreate, loggedIn, tellAll},
		"DELETE":      {cmdDelete, loggedIn, tellAll},
		"RENAME":      {cmdRename, loggedIn, tellAll},
		"SUBSCRIBE":   {cmdSubscribe, loggedIn, tellAll},
		"UNSUBSCRIBE": {cmdUnsubscribe, loggedIn, tellAll},
		"LIST":        {cmdList, loggedIn, tellAll},
		"LSUB":        {cmdLSub, loggedIn, tellAll},
		"STATUS":      {cmdStatus, loggedIn, tellAll},
		"APPEND":      {cmdAppend, loggedIn, tellAll},
		"IDLE":        {cmdIdle, loggedIn, tellAll},

		"CHECK":       {cmdNoop, selected, tellAll},
		"CLOSE":       {cmdClose, selected, tellNothing},
		"UNSELECT":    {cmdUnselect, selected, tellNothing},
		"EXPUNGE":     {cmdExpunge, selected, tellAll},
		"UID EXPUNGE": {cmdUIDExpunge, selected, tellAll},
		"SEARCH":      {cmdSearch, selected, tellNoExpunge},
		"UID SEARCH":  {cmdUIDSearch, selected, tellAll},
		"FETCH":       {cmdFetch, selected, tellNoExpunge},
		"UID FETCH":   {cmdUIDFetch, selected, tellAll},
		"STORE":       {cmdStore, selected, tellNoExpunge},
		"UID STORE":   {cmdUIDStore, selected, tellAll},
		"COPY":        {cmdCopy, selected, tellAll},
		"UID COPY":    {cmdUIDCopy, selected, tellAll},
		"MOVE":        {cmdMove, selected, tellAll},
		"UID MOVE":    {cmdUIDMove, selected, tellAll},
	}
}
