// Starts the documentation page. A file of its own, because the content policy allows no script inside the page.
"use strict";

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/api/openapi.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    // Nothing is asked of anybody but this manager.
    validatorUrl: null,
    // A token stays in the page and goes with it.
    persistAuthorization: false,
  });
});
