package rotation

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// encoded is a kind whose credentials are also carried in another form.
type encoded struct{ found }

func (encoded) Disguises(v providers.Values) []secret.Value {
	return []secret.Value{secret.New(base64.RawStdEncoding.EncodeToString([]byte("user:" + v["FAL_KEY"].Reveal())))}
}

// begetting is a kind whose credentials sign tokens.
type begetting struct{ found }

func (begetting) Begot(v providers.Values, text secret.Value) bool {
	return v["FAL_KEY"].Equal(secret.New(oldValue)) && text.Equal(secret.New("a token that was signed with it"))
}

type begets struct{ service }

func (s begets) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	_, err := s.service.Survey(ctx, current)
	return begetting{found(s.service)}, err
}

// TestWhatWasMadeWithTheValue dies with it: it is found before a plan exists,
// unless somebody has explained it.
func TestWhatWasMadeWithTheValue(t *testing.T) {
	for name, stops := range map[string]bool{"PARTNER_TOKEN": true, "EXPLAINED": false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.configure = func(s *Subject) {
				s.Provider = begets{service{g}}
				s.Vault = neighbours{vault{g}, []deploy.Entry{{Name: name, Value: secret.New("a token that was signed with it")}, {Name: "OTHER", Value: secret.New("a token of somebody else")}}}
				s.Explained = map[string]string{"EXPLAINED": "replaced by hand"}
			}
			_, err := g.engine("one").survey(t.Context(), g.subject(), routineWish)
			if (err != nil) != stops || stops && (!fault.Is(err, fault.Ambiguous) || !strings.Contains(err.Error(), name+" in staging was signed with FAL_KEY")) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

type encodes struct{ service }

func (s encodes) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	_, err := s.service.Survey(ctx, current)
	return encoded{found(s.service)}, err
}

// neighbours is a vault that tells what else is in it.
type neighbours struct {
	vault
	all []deploy.Entry
}

func (n neighbours) All(context.Context, string) ([]deploy.Entry, error) { return n.all, nil }

// TestDisguisedAlias: a consumer that reads the credential in another form
// would break as well, and is found before a plan exists.
func TestDisguisedAlias(t *testing.T) {
	for name, stops := range map[string]bool{"OTEL_HEADERS": true, "EXPLAINED": false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			header := "Authorization=Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+oldValue))
			g.configure = func(s *Subject) {
				s.Provider = encodes{service{g}}
				s.Vault = neighbours{vault{g}, []deploy.Entry{{Name: name, Value: secret.New(header)}}}
				s.Explained = map[string]string{"EXPLAINED": "replaced by hand"}
			}
			_, err := g.engine("one").survey(t.Context(), g.subject(), routineWish)
			if (err != nil) != stops {
				t.Fatalf("%s: %v", name, err)
			}
			if stops && (!fault.Is(err, fault.Ambiguous) || !strings.Contains(err.Error(), name)) {
				t.Errorf("it does not name %s: %v", name, err)
			}
		})
	}
}
