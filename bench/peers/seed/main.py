"""The application."""

import json
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from sqlmodel import SQLModel, text

from auth import get_current_user
from db import engine
from routes.tasks import router


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"time": self.formatTime(record), "level": record.levelname, "message": record.getMessage()})


handler = logging.StreamHandler()
handler.setFormatter(JsonFormatter())
logging.basicConfig(level=logging.INFO, handlers=[handler])
logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_: FastAPI):
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    logger.info("connected to the database")
    yield


app = FastAPI(
    title="Tasks",
    description="Tasks, each of one user.",
    version="1.0.0",
    contact={"name": "Tasks"},
    lifespan=lifespan,
)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:3000"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
app.include_router(router)


@app.get("/")
def root():
    return {"name": "Tasks", "version": "1.0.0"}


@app.get("/health")
def health():
    return {"status": "ok", "timestamp": datetime.now(UTC)}


@app.get("/protected")
def protected(current_user: str = Depends(get_current_user)):
    return {"user_id": current_user}


def create_tables() -> None:
    SQLModel.metadata.create_all(engine)
