package venue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// section returns what docs/venues.md says of a format, and the first table of it.
func section(t *testing.T, name string) (text string, facts map[string]string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "venues.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(doc), "\n## `"+name+"`\n")
	if !found {
		t.Fatalf("docs/venues.md has no section on %s", name)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	facts = map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (venue|version|scope|chains) \| (.*) \|$`).FindAllStringSubmatch(text, -1) {
		facts[m[1]] = strings.ReplaceAll(m[2], "`", "")
	}
	return text, facts
}

// What docs/venues.md says of each format is so.
func TestDocumentedFormats(t *testing.T) {
	for _, f := range venue.Formats {
		text, facts := section(t, f.Name)
		want := map[string]string{
			"venue": f.Venue, "version": fmt.Sprint(f.Version), "scope": f.Scope.String(), "chains": strings.Join(chains(t, f), ", "),
		}
		if f.Venue == "" {
			want["venue"] = "in each event"
		}
		for fact, value := range want {
			if facts[fact] != value {
				t.Errorf("docs/venues.md: the %s of %s is %q, in truth %q", fact, f.Name, facts[fact], value)
			}
		}
		for _, word := range []string{"**Continuity.**", "**Symbols", "**Quantities"} {
			if f.Venue != "" && f.Name != "binance-coinm" && !strings.Contains(text, word) {
				t.Errorf("docs/venues.md: of %s nothing is said under %s", f.Name, word)
			}
		}
	}
}

// chains are the continuity rules of a format's books, found in what its messages become.
func chains(t *testing.T, f *feed.Format) (names []string) {
	for _, m := range feedtest.Messages(t, messagesOf(t, f)) {
		var b market.Batch
		if m.Decoder(f).Decode(&b, &m.Record) != nil {
			continue
		}
		for _, ev := range b.Events {
			if k, ok := ev.Payload.(*market.Book); ok && k.Chain != nil && !slices.Contains(names, k.Chain.Name) {
				names = append(names, k.Chain.Name)
			}
		}
	}
	return names
}

// Each reason that a record may have is explained.
func TestDocumentedReasons(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "venues.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append([]feed.Reason{feed.Ignored, feed.Unused}, feed.Reasons...) {
		if !regexp.MustCompile(`(?m)^\| [^|]*` + "`" + string(r) + "`").Match(doc) {
			t.Errorf("docs/venues.md does not explain %s", r)
		}
	}
}
