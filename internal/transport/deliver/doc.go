// Package deliver plans the final delivery of a message to accounts of ours: which mailbox it goes to in each, with which
// flags. It stores nothing; the plan becomes part of the one commit. Each account's own filter will speak here.
package deliver
