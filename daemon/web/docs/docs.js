"use strict";
// Swagger UI, from the daemon's own files: nothing is fetched from elsewhere.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
