package snapshot

// run is a bounded run of values of which the newest are wanted as one slice. It keeps at least
// keep values once it has had them, and moves them to the front each time a quarter more is reached:
// four copies a value, which costs less than the memory of twice as many would.
type run[T any] struct {
	items []T
	first uint64 // number of items[0], counted from 0
	keep  int
}

func (r *run[T]) push(v T) {
	if len(r.items) > r.keep+r.keep/4 {
		cut := len(r.items) - r.keep
		r.first += uint64(cut)
		r.items = r.items[:copy(r.items, r.items[cut:])]
	}
	r.items = append(r.items, v)
}

func (r *run[T]) next() uint64 { return r.first + uint64(len(r.items)) }

// floor is the oldest number that is promised: keep back from the newest, although more may be there,
// so that what can be had does not depend on when the run was last moved.
func (r *run[T]) floor() uint64 {
	if n := r.next(); n > r.first+uint64(r.keep) {
		return n - uint64(r.keep)
	}
	return r.first
}

// between returns the values numbered from up to, not including, to.
func (r *run[T]) between(from, to uint64) ([]T, bool) {
	if from < r.floor() || to > r.next() || from > to {
		return nil, false
	}
	return r.items[from-r.first : to-r.first], true
}
