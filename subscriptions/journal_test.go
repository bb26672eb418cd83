package subscriptions

import "testing"

// What can be had of a journal depends on how many entries it had, not on when they were last moved.
func TestJournalKeepsTheNewest(t *testing.T) {
	for _, keep := range []int{1, 2, 7, 16} {
		j := journal{first: 1, keep: keep}
		for n := uint64(1); n <= 100; n++ {
			j.push(entry{seq: 10 * n, count: n})
			if j.head() != n || j.floor() != max(n, uint64(keep))-uint64(keep) {
				t.Fatalf("keep %d: after %d entries the head is %d, the floor %d", keep, n, j.head(), j.floor())
			}
			for place := j.floor(); place < n; place++ {
				after := j.after(place)
				if len(after) != int(n-place) || after[0].count != place+1 {
					t.Fatalf("keep %d: after %d of %d come %d entries", keep, place, n, len(after))
				}
			}
			for seq := uint64(0); seq <= 10*n+10; seq++ {
				want := min(max(seq/10, j.floor()), n)
				if got := j.place(seq); got != want {
					t.Fatalf("keep %d: the place of seq %d of %d entries is %d, want %d", keep, seq, n, got, want)
				}
			}
		}
		if cap(j.items) > 4*keep+8 {
			t.Errorf("keep %d: %d entries of memory", keep, cap(j.items))
		}
	}
}

// A journal that begins anew goes on in its numbers: who is behind it can be told so.
func TestJournalBeginsAnew(t *testing.T) {
	j := journal{first: 1, keep: 4}
	for n := range uint64(9) {
		j.push(entry{seq: 100 + n})
	}
	j.restart()
	if j.head() != 9 || j.floor() != 9 || len(j.after(9)) != 0 {
		t.Fatalf("head %d, floor %d", j.head(), j.floor())
	}
	j.push(entry{seq: 1})
	if j.head() != 10 || j.floor() != 9 || j.at(10).seq != 1 || j.place(1) != 10 || j.place(0) != 9 {
		t.Errorf("head %d, floor %d, %+v", j.head(), j.floor(), j.items)
	}
}
