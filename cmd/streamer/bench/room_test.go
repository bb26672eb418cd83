package bench

import (
	"strings"
	"testing"
)

const (
	whole = `{"t":"snapshot","room":"book:X:A","epoch":"e","seq":5,"ts":1,"d":{"bids":[["10.0","1"],["9","2"]],"asks":[["11","1"]]}}`
	next  = `{"t":"update","room":"book:X:A","prev":5,"seq":7,"n":2,"ts":2,"d":{"bids":[["10","0"]],"asks":[["11","3.50"]]}}`
)

// play folds frames as one connection does, and returns the first fault.
func play(truths *truths, name string, frames ...string) error {
	r := newRoom(name, true, truths)
	for _, frame := range frames {
		err := each([]byte(frame), func(m *message) error {
			switch string(m.t) {
			case "snapshot":
				return r.snapshot(m)
			case "update":
				return r.update(m)
			case "gap":
				return r.gap(m)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestEveryBrokenRuleIsFound(t *testing.T) {
	gap := `{"t":"gap","room":"book:X:A","epoch":"e","from":5,"to":6,"reason":"source"}`
	for name, tt := range map[string]struct {
		frames []string
		want   string
	}{
		"all is well":                 {[]string{"[" + whole + "," + next + "]"}, ""},
		"an update first":             {[]string{"[" + next + "]"}, "before any snapshot"},
		"twice":                       {[]string{"[" + whole + "," + next + "," + next + "]"}, "prev 5 does not continue 7"},
		"a hole":                      {[]string{"[" + strings.Replace(whole, `"seq":5`, `"seq":4`, 1) + "," + next + "]"}, "prev 5 does not continue 4"},
		"not on":                      {[]string{"[" + whole + "," + strings.Replace(next, `"seq":7`, `"seq":5`, 1) + "]"}, "seq 5 is not over prev 5"},
		"of nothing":                  {[]string{"[" + whole + "," + strings.Replace(next, `"n":2`, `"n":0`, 1) + "]"}, "no events"},
		"no count":                    {[]string{"[" + whole + "," + strings.Replace(next, `"n":2,`, "", 1) + "]"}, "no events"},
		"an update after a gap":       {[]string{"[" + whole + "," + gap + "," + next + "]"}, "a snapshot had to come"},
		"a snapshot after a gap":      {[]string{"[" + whole + "," + gap + "," + whole + "," + next + "]"}, ""},
		"a gap from elsewhere":        {[]string{"[" + whole + "," + strings.Replace(gap, `"from":5`, `"from":3`, 1) + "]"}, "from 3 does not continue 5"},
		"levels that are none":        {[]string{"[" + strings.Replace(whole, `["9","2"]`, `["9"]`, 1) + "]"}, "no levels"},
		"no array":                    {[]string{whole}, "not an array"},
		"cut short":                   {[]string{"[" + whole}, "not an array"},
		"what is not known is passed": {[]string{`[{"t":"new","room":"book:X:A","d":[1,{"a":null}]},` + whole + `]`}, ""},
	} {
		err := play(newTruths(), "book:X:A", tt.frames...)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// Two connections that are at the same seq must have the same book, however they came to it.
func TestBooksAreCompared(t *testing.T) {
	folded := `[{"t":"snapshot","room":"book:X:A","epoch":"e","seq":7,"ts":2,"d":{"bids":[["9.00","2.0"]],"asks":[["11.0","3.5"]]}}]`
	truths := newTruths()
	if err := play(truths, "book:X:A", "["+whole+","+next+"]"); err != nil {
		t.Fatal(err)
	}
	if err := play(truths, "book:X:A", folded); err != nil {
		t.Error(err)
	}
	if n := truths.compared(); n != 1 {
		t.Errorf("%d books were compared, want 1", n)
	}
	err := play(truths, "book:X:A", strings.Replace(folded, `"3.5"`, `"3.6"`, 1))
	if err == nil || !strings.Contains(err.Error(), "another book at seq 7") {
		t.Errorf("another book is taken for the same: %v", err)
	}
	if err := play(truths, "book:X:A", strings.Replace(strings.Replace(folded, `"3.5"`, `"3.6"`, 1), `"e"`, `"f"`, 1)); err != nil {
		t.Errorf("a book of another epoch was compared: %v", err)
	}
}

func TestTradesGoOnAfterAGap(t *testing.T) {
	const (
		first = `{"t":"snapshot","room":"trades:X:A","epoch":"e","seq":1,"d":[]}`
		gap   = `{"t":"gap","room":"trades:X:A","epoch":"e","from":1,"to":4,"reason":"slow"}`
		then  = `{"t":"update","room":"trades:X:A","prev":4,"seq":5,"n":1,"d":[]}`
	)
	if err := play(newTruths(), "trades:X:A", "["+first+","+gap+","+then+"]"); err != nil {
		t.Error(err)
	}
	epoch := strings.Replace(gap, "slow", "epoch", 1)
	if err := play(newTruths(), "trades:X:A", "["+first+","+epoch+","+then+"]"); err == nil {
		t.Error("after the end of an epoch a snapshot has to come")
	}
}

func TestThresholds(t *testing.T) {
	r := &Report{Venue: Latency{P50: 2, P99: 14.5}, Fairness: 0.98, Messages: 1e6}
	for text, want := range map[string]string{
		"p99<15ms": "", "p99 <= 14.5": "", "p99<14ms": "p99<14ms is missed: it was 14.500", "fairness>=0.97": "", "fairness>0.98": "fairness>0.98 is missed: it was 0.980",
		"messages>900000": "", "gaps<=0": "", "p50>1s": "p50>1s is missed: it was 2.000",
	} {
		bound, err := ParseThreshold(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := bound.Missed(r); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"p99": "no threshold", "p98<1": "nothing that is measured", "p99<fast": "no bound", "p99<": "no bound"} {
		if _, err := ParseThreshold(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
