package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"rekey/internal/sshsig"
)

// Signer signs a statement in a namespace.
type Signer func(ctx context.Context, namespace string, statement []byte) (armoured []byte, err error)

// Client is the side of whoever asks. It holds nothing but the way to a replica
// and to a key.
type Client struct {
	At           string // as for [Listen]
	Installation string
	Life         time.Duration // of its statements
	Patience     time.Duration // with one answer
	Sign         Signer
}

// Send signs a statement and hands it over. Before that, whoever asks has seen
// its words and said yes.
func (c Client) Send(ctx context.Context, s Statement) (Answer, error) {
	text, err := s.Text()
	if err != nil {
		return Answer{}, err
	}
	signature, err := c.Sign(ctx, Namespace(c.Installation), []byte(text))
	if err != nil {
		return Answer{}, err
	}
	body, err := json.Marshal(Parcel{Statement: text, Signature: string(signature)})
	if err != nil {
		return Answer{}, fmt.Errorf("encoding a statement: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	return c.post(ctx, body)
}

// Fresh completes a statement: it is for this client's installation, from now on.
func (c Client) Fresh(s Statement) Statement {
	s.Installation = c.Installation
	return s.fresh(time.Now(), c.Life)
}

func (c Client) post(ctx context.Context, body []byte) (Answer, error) {
	network, address, host := way(c.At)
	var dialer net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+statementPath, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("asking Rekey at %s: %w", c.At, err)
	}
	q.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(q)
	var unreached *net.OpError
	if errors.As(err, &unreached) && unreached.Op == "dial" {
		return Answer{}, fmt.Errorf("nothing was sent: no replica of Rekey listens at %s: %w", c.At, unreached)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("asking Rekey at %s: %w; if the statement arrived it is carried out: `rekey status` shows it", c.At, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var a Answer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&a); err != nil || a.Title == "" {
		return Answer{}, fmt.Errorf("asking Rekey at %s: status %d, and no answer that can be read", c.At, resp.StatusCode)
	}
	return a, nil
}

// way is how a place is dialled, and what it is called in a request.
func way(at string) (network, address, host string) {
	if path, local := strings.CutPrefix(at, unixPrefix); local {
		return "unix", path, "rekey"
	}
	return "tcp", at, at
}

// Await waits until somebody listens at a place.
func Await(ctx context.Context, at string) error {
	network, address, _ := way(at)
	var dialer net.Dialer
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		c, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Rekey at %s: %w", at, errors.Join(context.Cause(ctx), err))
		case <-look.C:
		}
	}
}

// Keygen signs with OpenSSH's own program: a key in a file, in an agent (the file
// is then the public one), or in hardware that waits to be touched. It inherits
// of the environment what finds an agent and asks for a passphrase, and no more.
// What it says to the person, such as to touch the key, goes to said.
func Keygen(key string, env func(string) (string, bool), said io.Writer) Signer {
	return func(ctx context.Context, namespace string, statement []byte) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "ssh-keygen", "-Y", "sign", "-n", namespace, "-f", key) //nolint:gosec // the path is the person's own argument
		for _, name := range []string{"PATH", "HOME", "TERM", "DISPLAY", "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_SK_PROVIDER"} {
			if value, set := env(name); set {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
		}
		cmd.Stdin, cmd.Stderr = bytes.NewReader(statement), said
		armoured, err := cmd.Output()
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("signing: ssh-keygen is not here; it comes with OpenSSH (openssh-client)")
		}
		if err != nil {
			return nil, fmt.Errorf("signing with %s: ssh-keygen: %w", key, err)
		}
		if _, err := sshsig.Parse(armoured); err != nil {
			return nil, fmt.Errorf("signing with %s: %w", key, err)
		}
		return armoured, nil
	}
}
