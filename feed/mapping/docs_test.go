package mapping_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/market"
)

// The examples of docs/mapping.md are what they say: each mapping, its records, and what these become.
func TestDocumentedExamples(t *testing.T) {
	doc, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```\n```(json|csv)\n(.*?)```\n```text\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 3 || strings.Count(string(doc), "```yaml") != 3 {
		t.Fatalf("found %d examples", len(blocks))
	}
	for _, block := range blocks {
		f := must(t, block[1])[0]
		records := strings.Split(strings.TrimSpace(block[3]), "\n")
		if block[2] == "csv" {
			records = []string{block[3]} // its lines are messages
		}
		d := f.New(feed.DefaultOptions())
		var got strings.Builder
		for _, r := range records {
			var b market.Batch
			if err := d.Decode(&b, &feed.Record{Value: []byte(r)}); err != nil {
				got.WriteString(err.Error() + "\n")
			}
			got.WriteString(feedtest.Text(b.Events))
		}
		if got.String() != block[4] {
			t.Errorf("docs/mapping.md: the records of %s become\n%swant\n%s", f.Name, got.String(), block[4])
		}
	}
}
