package infisical

import (
	"context"
	"errors"
	"io"
	"time"

	sdk "github.com/infisical/go-sdk"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

const userAgent = "rekey"

// renewAfter is the share of a token's life after which a new one is fetched.
const renewAfter = 0.8

// sdkClient is the only place that knows the SDK. It belongs to one session.
type sdkClient struct {
	client  sdk.InfisicalClientInterface
	calls   *calls
	project string
}

// newSDK turns everything off that the SDK would do by itself. Its refresher
// changes fields that requests read, its cache survives its own updates, and
// without an explicit strategy of zero retries it repeats what a network error
// interrupted, a login included.
func newSDK(site, project string, calls *calls) sdkClient {
	return sdkClient{project: project, calls: calls, client: sdk.NewInfisicalClient(context.Background(), sdk.Config{
		SiteUrl:             site,
		UserAgent:           userAgent,
		AutoTokenRefresh:    sdk.BoolPtr(false),
		RetryRequestsConfig: &sdk.RetryRequestsConfig{ExponentialBackoff: &sdk.ExponentialBackoffStrategy{}},
		SilentMode:          true,
		LogWriter:           io.Discard,
	})}
}

// signIn logs in and returns the session; renewAt counts from before the call.
func (c sdkClient) signIn(ctx context.Context, id, key secret.Value, now time.Time) (*session, error) {
	token, err := await(ctx, c.calls, opLogin, func() (sdk.MachineIdentityCredential, error) {
		return c.client.Auth().UniversalAuthLogin(id.Reveal(), key.Reveal())
	})
	if err != nil {
		return nil, err
	}
	if token.AccessToken == "" {
		return nil, fault.New(opLogin, fault.Garbled, "the answer holds no access token")
	}
	s := &session{token: secret.New(token.AccessToken), sdk: c}
	if token.ExpiresIn > 0 {
		s.renewAt = now.Add(time.Duration(renewAfter * float64(token.ExpiresIn) * float64(time.Second)))
	}
	return s, nil
}

// stored is what a read-back shows.
type stored struct {
	ID       string
	Version  int
	Value    secret.Value
	Metadata map[string]string
}

// retrieve reads the current version of a secret, references not expanded,
// imports left out.
func (c sdkClient) retrieve(ctx context.Context, op string, p Place, name string) (stored, error) {
	got, err := await(ctx, c.calls, op, func() (stored, error) {
		s, err := c.client.Secrets().Retrieve(sdk.RetrieveSecretOptions{
			SecretKey: name, ProjectID: c.project, Environment: p.Environment, SecretPath: p.Path, Type: typeShared,
		})
		out := stored{ID: s.ID, Version: s.Version, Value: secret.New(s.SecretValue), Metadata: map[string]string{}}
		for _, m := range s.SecretMetadata {
			out.Metadata[m.Key] = m.Value
		}
		return out, err
	})
	if err != nil {
		return stored{}, err
	}
	// The SDK decodes a 200 that is no secret, an HTML page for one, as empty.
	if got.ID == "" || got.Version == 0 {
		return stored{}, fault.New(op, fault.Garbled, "the answer holds no secret")
	}
	return got, nil
}

// calls bounds the SDK's calls in time and number.
type calls struct {
	slots   chan struct{}
	timeout time.Duration
}

// await runs call in a goroutine and waits for it until the time is up. The
// goroutine keeps its slot until the call really returns.
func await[T any](ctx context.Context, c *calls, op string, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return result{}.value, timedOut(ctx, op, "earlier calls are still without an answer")
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-c.slots }()
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, sdkFault(op, r.err)
	case <-ctx.Done():
		return result{}.value, timedOut(ctx, op, "")
	}
}

// timedOut is a call that nobody waits for any more. The class is that of a
// read; what it means for a write is decided where the write is known.
func timedOut(ctx context.Context, op, detail string) error {
	f := &fault.Error{Op: op, Class: fault.Again, Reason: fault.TimedOut, Detail: detail, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.Canceled) {
		f.Reason = fault.Interrupted
	}
	return f
}
