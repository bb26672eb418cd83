package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// TLS is how a connection is kept safe. The zero value is plain text.
type TLS struct {
	On         bool
	CAFile     string // whose certificates are believed; "": the system's
	CertFile   string // our own, where the server asks for one
	KeyFile    string
	ServerName string // the name on the server's certificate; "": the one that was dialled
	Insecure   bool   // believe any certificate
}

// dialer returns what opens connections.
func (c Config) dialer() (func(context.Context, string) (net.Conn, error), error) {
	settings, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: 10 * time.Second}
	return func(ctx context.Context, addr string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if settings == nil {
			conn, err = d.DialContext(ctx, "tcp", addr)
		} else {
			conn, err = (&tls.Dialer{NetDialer: d, Config: settings}).DialContext(ctx, "tcp", addr)
		}
		if err != nil {
			return nil, err
		}
		return quiet{conn}, nil
	}, nil
}

// quiet is a connection that closes without an error: clickhouse-go panics on one while it cancels a query ("send on closed
// channel"), and a TLS connection has one whenever its peer has gone before.
type quiet struct{ net.Conn }

func (q quiet) Close() error {
	q.Conn.Close()
	return nil
}

// Check says what is wrong with the settings or their files.
func (t TLS) Check() error {
	_, err := t.config()
	return err
}

// config returns the settings for TLS, nil where it is off.
func (t TLS) config() (*tls.Config, error) {
	if !t.On {
		if t != (TLS{}) {
			return nil, errors.New("certificates are set but TLS is off: turn it on")
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the CA's certificates: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("a client certificate needs both its file and its key's")
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
