package limit

import "container/list"

// recent is a map that holds at most max entries and forgets the least recently used one. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	max   int
	order *list.List // of *entry, most recent first
	byKey map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{max: max(limit, 1), order: list.New(), byKey: make(map[K]*list.Element)}
}

// find gives the value and makes it the most recent; nil if there is none.
func (r *recent[K, V]) find(k K) *V {
	e, ok := r.byKey[k]
	if !ok {
		return nil
	}
	r.order.MoveToFront(e)
	return &e.Value.(*entry[K, V]).value
}

// at is find, adding the zero value if there is none. The pointer is good until the next call.
func (r *recent[K, V]) at(k K) *V {
	if v := r.find(k); v != nil {
		return v
	}
	if r.order.Len() >= r.max {
		last := r.order.Back()
		delete(r.byKey, last.Value.(*entry[K, V]).key)
		r.order.Remove(last)
	}
	e := &entry[K, V]{key: k}
	r.byKey[k] = r.order.PushFront(e)
	return &e.value
}

func (r *recent[K, V]) drop(k K) {
	if e, ok := r.byKey[k]; ok {
		delete(r.byKey, k)
		r.order.Remove(e)
	}
}

func (r *recent[K, V]) len() int { return r.order.Len() }
