package record

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// A topic may be of a mapping of the settings file.
func TestRecordsMappedTopics(t *testing.T) {
	name := filepath.Join(t.TempDir(), "tapedeck.yaml")
	text := "feed: desk=md.desk\nmappings:\n  desk: {format: json, venue: DESK, symbol: s, messages: [{trade: {price: p, size: q}}]}\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var config Config
	command := Command()
	command.Action = func(c *cli.Context) (err error) {
		config, _, err = settings(c)
		return err
	}
	app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{command}}
	if code := flags.Run(t.Context(), app, []string{"replay", "record", "--config", name}); code != flags.OK {
		t.Fatalf("it ends with %d", code)
	}
	if f := config.Feeds["md.desk"].Format; f == nil || f.Name != "desk" || f.Venue != "DESK" {
		t.Errorf("the topic is read with %+v", f)
	}
}
