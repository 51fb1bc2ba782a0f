package text

// The names of the mailboxes that a new account has beside the inbox.
const (
	MailboxDrafts  Key = "mailbox.drafts"
	MailboxSent    Key = "mailbox.sent"
	MailboxTrash   Key = "mailbox.trash"
	MailboxJunk    Key = "mailbox.junk"
	MailboxArchive Key = "mailbox.archive"
)

var mailboxTexts = table{
	MailboxDrafts:  {"Drafts", "Entwürfe"},
	MailboxSent:    {"Sent", "Gesendet"},
	MailboxTrash:   {"Trash", "Papierkorb"},
	MailboxJunk:    {"Junk", "Spam"},
	MailboxArchive: {"Archive", "Archiv"},
}
