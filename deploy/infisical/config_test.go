package infisical_test

import (
	"strings"
	"testing"

	"rekey/deploy/infisical"
	"rekey/internal/secret"
)

func TestConfigNamesEveryFault(t *testing.T) {
	_, err := infisical.New(infisical.Config{
		SiteURL: "http://vault.example", ProjectID: "a project/../id", SyncsUnread: "ignored", Timeout: -1,
		Environments: map[string]infisical.Place{
			"staging": {Environment: "prod", Path: "/app"}, "production": {Environment: "prod", Path: "app/"},
			"odd": {Environment: "dev", Path: "/a?b=c"},
		},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, says := range []string{
		"must be https", "project id", "client id and client secret", `"accepted"`, "negative",
		"are the same Infisical place prod (/app)", `environment "odd"`,
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
}

func TestConfigNeedsAnEnvironment(t *testing.T) {
	source := infisical.Fixed(secret.New("x"))
	_, err := infisical.New(infisical.Config{SiteURL: "https://eu.infisical.com", ProjectID: "p", ClientID: source, ClientSecret: source})
	if err == nil || !strings.Contains(err.Error(), "no environment") {
		t.Errorf("got %v", err)
	}
}

// The vendor's own tools accept the address with and without /api.
func TestSiteURLMayEndInAPI(t *testing.T) {
	for _, suffix := range []string{"", "/", "/api", "/api/"} {
		b := newBench(t)
		again := newBench(t, func(c *infisical.Config) { c.SiteURL = b.URL + suffix })
		if err := again.read(t.Context()); err != nil {
			t.Errorf("%q: %v", suffix, err)
		}
		if b.count(loginRoute) != 1 {
			t.Errorf("%q: the login went elsewhere", suffix)
		}
	}
}
