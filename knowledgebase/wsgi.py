"""The hub as a WSGI application, for gunicorn; it knows nothing of workers or of how it is served."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "knowledgebase.settings")

application = get_wsgi_application()
