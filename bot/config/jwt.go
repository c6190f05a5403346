package config

import (
	"time"

	"rekey/rotation"
)

// JWT says how an application uses the secret that tokens are signed with
// (Supabase).
type JWT struct {
	// Gate is the address at which the application lets in who bears a valid
	// token, and answers 401 to anybody else.
	Gate Gates `key:"gate"`
	// Table is asked for at the project to see whether a token is accepted; it
	// need not exist. Left out, the service's own.
	Table string `key:"table" form:"table"`
	// Throttle is how long to wait when the service asks to and names no moment;
	// left out, the service's own.
	Throttle *time.Duration `key:"throttle" min:"1ms"`
	// TokenLife is how long tokens live that are made for a proof; left out,
	// the service's own.
	TokenLife *time.Duration `key:"token_life" min:"1s"`
}

// Gates are addresses by environment.
type Gates struct {
	// Staging is that of staging's application.
	Staging string `key:"staging" form:"url"`
	// Production is that of production's application.
	Production string `key:"production" form:"url"`
}

// In returns the environment's address, "" where there is none.
func (g Gates) In(environment string) string {
	switch environment {
	case rotation.Staging:
		return g.Staging
	case rotation.Production:
		return g.Production
	default:
		return ""
	}
}

// serviceOfSigningKeys is the one whose tokens applications verify.
const serviceOfSigningKeys = "supabase-jwt"

// jwt refuses it elsewhere, and a secret whose use was not declared: what signs
// tokens cannot be told from what only verifies them.
func (d *decoder) jwt(s *Secret, at string) {
	if s.Entry.Service != serviceOfSigningKeys {
		if s.JWT != (JWT{}) || s.JWTUse != "" {
			d.say(at, "jwt and jwt_use are about the secret of Supabase's tokens only", "them for that, or leave them out,")
		}
		return
	}
	if s.JWTUse == "" {
		d.lack(at+".jwt_use", "it is not said whether the application only verifies tokens or signs some itself", "verify, or mint where it signs tokens itself")
	}
	if s.Shared() {
		d.say(at+".scope", "a project's secret belongs to one environment", "per-environment")
	}
	if len(s.Entry.Variables) != 2 {
		d.say(at+".variables", "the application needs one variable for the value and one for the value before", "both, in this order,")
	}
	if s.JWT.Gate.Staging == "" || s.JWT.Gate.Production == "" {
		d.lack(at+".jwt.gate", "each environment needs an address that lets in who bears a valid token: tokens of both values are tried there before anything is activated", "staging: and production:, each with the URL")
	}
}
