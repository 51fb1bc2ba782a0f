package main

import "errors"

func (b *bench) build() error {
	b.startPosthorn = func([]string) (*target, error) { return nil, errors.New("not yet") }
	return nil
}
