package infisical

import (
	"context"
	"net/http"
	"time"

	"github.com/go-resty/resty/v2"
	login "github.com/infisical/go-sdk/packages/api/auth"
	secrets "github.com/infisical/go-sdk/packages/api/secrets"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

const userAgent = "rekey"

// renewAfter is the share of a token's life after which a new one is fetched.
const renewAfter = 0.8

// sdkClient is the only place that knows the SDK. It keeps nothing between two
// calls but how to make them.
type sdkClient struct {
	site    string
	project string
	over    http.RoundTripper
	timeout time.Duration
}

// signIn logs in and returns the session; renewAt counts from before the call.
func (c sdkClient) signIn(ctx context.Context, id, key secret.Value, now time.Time) (*session, error) {
	token, err := bounded(ctx, c, opLogin, func(client *resty.Client) (login.MachineIdentityAuthLoginResponse, error) {
		return login.CallUniversalAuthLogin(client, login.UniversalAuthLoginRequest{ClientID: id.Reveal(), ClientSecret: key.Reveal()})
	})
	if err != nil {
		return nil, err
	}
	if token.AccessToken == "" {
		return nil, fault.New(opLogin, fault.Garbled, "the answer holds no access token")
	}
	s := &session{token: secret.New(token.AccessToken)}
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
func (c sdkClient) retrieve(ctx context.Context, s *session, op string, p Place, name string) (stored, error) {
	got, err := bounded(ctx, c, op, func(client *resty.Client) (secrets.RetrieveSecretV3RawResponse, error) {
		return secrets.CallRetrieveSecretV3(nil, client.SetAuthToken(s.token.Reveal()), secrets.RetrieveSecretV3RawRequest{
			SecretKey: name, ProjectID: c.project, Environment: p.Environment, SecretPath: p.Path, Type: typeShared,
		})
	})
	if err != nil {
		return stored{}, err
	}
	// The SDK decodes a 200 that is no secret, an HTML page for one, as empty.
	if got.Secret.ID == "" || got.Secret.Version == 0 {
		return stored{}, fault.New(op, fault.Garbled, "the answer holds no secret")
	}
	out := stored{ID: got.Secret.ID, Version: got.Secret.Version, Value: secret.New(got.Secret.SecretValue), Metadata: map[string]string{}}
	for _, m := range got.Secret.SecretMetadata {
		out.Metadata[m.Key] = m.Value
	}
	return out, nil
}
