package record

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"tapedeck/feed"
)

// metrics shows the counters, in the text form of Prometheus.
func (r *Recorder) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, m := range []struct {
		name, help string
		value      int64
	}{
		{"records_total", "Records written.", r.Stats.Records.Load()},
		{"bytes_total", "Bytes of the records written, with what a row takes.", r.Stats.Bytes.Load()},
		{"batches_total", "Batches written.", r.Stats.Batches.Load()},
		{"retries_total", "Attempts that came to nothing and were made again.", r.Stats.Retries.Load()},
		{"refused_total", "Batches that the server refused.", r.Stats.Refused.Load()},
		{"lost_total", "Records that the log does not hold any more.", r.Stats.Lost.Load()},
		{"checkpoints_total", "Checkpoints kept.", r.Stats.Saved.Load()},
		{"checkpoints_failed_total", "Checkpoints that could not be kept.", r.Stats.Unsaved.Load()},
	} {
		fmt.Fprintf(w, "# HELP tapedeck_record_%s %s\n# TYPE tapedeck_record_%[1]s counter\ntapedeck_record_%[1]s %[3]d\n", m.name, m.help, m.value)
	}
	fmt.Fprint(w, "# HELP tapedeck_record_lag Records of a partition that were not read yet.\n# TYPE tapedeck_record_lag gauge\n")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range slices.SortedFunc(maps.Keys(r.parts), func(a, b feed.Partition) int { return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID)) }) {
		l := r.parts[p]
		fmt.Fprintf(w, "tapedeck_record_lag{topic=%q,partition=\"%d\"} %d\n", p.Topic, p.ID, max(l.end.Load()-l.next.Load(), 0))
	}
}

// ready says whether records are written.
func (r *Recorder) ready(w http.ResponseWriter, _ *http.Request) {
	if why := r.Stats.Trouble.Load(); why != nil {
		http.Error(w, "records are not written: "+*why, http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	opened := len(r.parts)
	r.mu.Unlock()
	if opened == 0 {
		http.Error(w, "no partition is read yet", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
