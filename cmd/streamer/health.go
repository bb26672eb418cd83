package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/server"
)

func healthCommand() *cli.Command {
	return &cli.Command{
		Name:  "healthcheck",
		Usage: "ask a node whether it is ready",
		Description: `Asks the admin address of a streamer on this host, and ends with 0 if it is ready. For images without a
shell and other places where there is no curl.

Examples:

  streamer healthcheck
  streamer healthcheck --admin :9091 --timeout 1s`,
		Flags: []cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "admin", Value: server.Config{}.WithDefaults().Admin, Usage: "the `ADDRESS` that serve has under the same name"},
			&cli.DurationFlag{Name: "timeout", Value: 2 * time.Second, Usage: "give up after this `TIME`"},
		},
		Action: func(c *cli.Context) error {
			if err := flags.NoArguments(c); err != nil {
				return err
			}
			address, err := local(c.String("admin"))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
			defer cancel()
			text, err := get(ctx, "http://"+address+"/readyz")
			if err == nil {
				fmt.Fprintln(c.App.Writer, strings.TrimSpace(string(text)))
			}
			return err
		},
	}
}

// local is where an address that is listened on is reached from this host.
func local(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", flags.BadFlag("--admin: %q is not an address that can be asked, as in 127.0.0.1:9090", address)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// maxAnswer is more than a node answers about all rooms that it may have.
const maxAnswer = 64 << 20

// get returns what a node answers. An answer other than 200 is an error in the node's words.
func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w; is a streamer running there?", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return body, fmt.Errorf("%s answers %d: %.300s", address, resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return body, nil
}
