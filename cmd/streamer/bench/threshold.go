package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Threshold is a bound that a report must keep.
type Threshold struct {
	text  string
	value func(*Report) float64
	op    string
	bound float64
}

// measures are what a threshold may bound.
var measures = map[string]func(*Report) float64{
	"p50":      func(r *Report) float64 { return r.Venue.P50 },
	"p99":      func(r *Report) float64 { return r.Venue.P99 },
	"p999":     func(r *Report) float64 { return r.Venue.P999 },
	"max":      func(r *Report) float64 { return r.Venue.Max },
	"join":     func(r *Report) float64 { return r.Join.Max },
	"messages": func(r *Report) float64 { return r.Messages },
	"fairness": func(r *Report) float64 { return r.Fairness },
	"gaps":     func(r *Report) float64 { return float64(r.Gaps) },
	"cpu":      func(r *Report) float64 { return r.PerMillion },
	"growth":   func(r *Report) float64 { return r.Growth },
}

// Measures lists the names that a threshold may have.
func Measures() (names []string) {
	for name := range measures {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseThreshold reads one: p99<15ms, fairness>=0.97, messages>900000.
func ParseThreshold(text string) (Threshold, error) {
	t := Threshold{text: text}
	at := strings.IndexAny(text, "<>")
	if at < 0 {
		return t, fmt.Errorf("%q is no threshold: it is a measure, < <= > or >=, and a bound, as in p99<15ms", text)
	}
	name, rest := strings.TrimSpace(text[:at]), text[at:]
	t.op = rest[:1]
	if strings.HasPrefix(rest[1:], "=") {
		t.op = rest[:2]
	}
	var ok bool
	if t.value, ok = measures[name]; !ok {
		return t, fmt.Errorf("%q is nothing that is measured: there are %s", name, strings.Join(Measures(), " "))
	}
	bound := strings.TrimSpace(rest[len(t.op):])
	if d, err := time.ParseDuration(bound); err == nil && bound != "0" {
		t.bound = ms(d)
		return t, nil
	}
	v, err := strconv.ParseFloat(bound, 64)
	if err != nil {
		return t, fmt.Errorf("%q is no bound: a number, or a time as in 15ms", bound)
	}
	t.bound = v
	return t, nil
}

// Missed says how a report misses the threshold; "" if it keeps it.
func (t Threshold) Missed(r *Report) string {
	v := t.value(r)
	kept := map[string]bool{"<": v < t.bound, "<=": v <= t.bound, ">": v > t.bound, ">=": v >= t.bound}[t.op]
	if kept {
		return ""
	}
	return fmt.Sprintf("%s is missed: it was %.3f", t.text, v)
}
