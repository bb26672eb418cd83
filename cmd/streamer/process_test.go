//go:build unix

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tapedeck/cmd/flags"
)

// process is the program as its users start it.
type process struct {
	*exec.Cmd
	said *console
}

func start(t *testing.T, out io.Writer, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{exec.Command(exe, args...), &console{}}
	p.Env = append(os.Environ(), asStreamer+"=1")
	p.Stdout, p.Stderr = out, p.said
	if out == nil {
		p.Stdout = p.said
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

// ended waits for the end and returns the exit code, or -1 and the signal that ended it. Meanwhile it does
// what a test has to do.
func (p *process) ended(t *testing.T, meanwhile ...func()) (int, os.Signal) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	eventually(t, "the end of the process", func() bool {
		select {
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return true
		default:
		}
		for _, do := range meanwhile {
			do()
		}
		return false
	})
	status := p.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), nil
}

func TestExitCodes(t *testing.T) {
	for args, want := range map[string]int{
		"version":                         flags.OK,
		"serve --help":                    flags.OK,
		"serve":                           flags.WrongFlags,
		"serev":                           flags.WrongFlags,
		"serve --config /nowhere/x":       flags.WrongConfig,
		"healthcheck --admin 127.0.0.1:1": flags.Failed,
	} {
		p := start(t, nil, strings.Fields(args)...)
		if code, _ := p.ended(t); code != want {
			t.Errorf("%s ends with %d, want %d: %s", args, code, want, p.said)
		}
	}
}

// The first signal drains, the second one ends a drain that takes its time.
func TestSignals(t *testing.T) {
	patient := []string{"serve", "--brokers", "127.0.0.1:1", "--feed", "binance=md", "--listen", "127.0.0.1:0", "--admin", "off", "--log-format", "text"}
	says := func(p *process, text string) {
		t.Helper()
		eventually(t, text, func() bool { return strings.Contains(p.said.String(), text) })
	}
	p := start(t, nil, patient...)
	says(p, "serving")
	p.Process.Signal(syscall.SIGTERM)
	if code, sig := p.ended(t); code != flags.OK || !strings.Contains(p.said.String(), "draining") {
		t.Errorf("one signal: %d %v: %s", code, sig, p.said)
	}

	p = start(t, nil, append(patient, "--drain-wait", "1h")...)
	says(p, "serving clients=http://")
	_, address, _ := strings.Cut(p.said.String(), "serving clients=")
	address, _, _ = strings.Cut(address, " ")
	client := inBackground(t, "tail", "--url", address, "trades:BINANCE:BTC-USDT")
	eventually(t, "a client", func() bool { return strings.Contains(client.out.String(), "connected to") })
	p.Process.Signal(syscall.SIGTERM)
	says(p, "draining")
	p.Process.Signal(syscall.SIGTERM)
	if code, sig := p.ended(t); sig != syscall.SIGTERM {
		t.Errorf("two signals: %d %v: %s", code, sig, p.said)
	}
	client.stop()
}

// tail ends well when the reader of its pipe has had enough, as head has.
func TestTailIntoAClosedPipe(t *testing.T) {
	r := assemble(t)
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "1"))
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, in, "tail", "--url", r.clients, "--json", "trades:BINANCE:BTC-USDT", "--interval", "0")
	in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, `{"t":"hello"`) {
		t.Errorf("%v: %s", err, line)
	}
	out.Close()
	n := 1
	code, sig := p.ended(t, func() { // something has to be written for the pipe to be found closed
		n++
		r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", n, "1"))
	})
	if code != flags.OK {
		t.Errorf("ends with %d %v: %s", code, sig, p.said)
	}
}
