"""The tasks of the caller."""

import logging

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from auth import get_current_user
from db import get_session
from models import Task, TaskCreate, TaskResponse, TaskUpdate, now

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/api/tasks", tags=["tasks"])


def failed(error: SQLAlchemyError) -> HTTPException:
    logger.error("database error: %s", error)
    return HTTPException(status_code=500, detail="Database error")


def get_own(session: Session, task_id: int, user_id: str) -> Task:
    try:
        found = session.exec(select(Task).where(Task.id == task_id, Task.user_id == user_id)).first()
    except SQLAlchemyError as error:
        raise failed(error)
    if found is None:
        raise HTTPException(status_code=404, detail="Task not found")
    return found


def save(session: Session, task: Task) -> Task:
    try:
        session.add(task)
        session.commit()
        session.refresh(task)
    except SQLAlchemyError as error:
        session.rollback()
        raise failed(error)
    return task


@router.post("", response_model=TaskResponse, status_code=201)
def create_task(
    task: TaskCreate,
    current_user: str = Depends(get_current_user),
    session: Session = Depends(get_session),
):
    return save(session, Task(**task.model_dump(), user_id=current_user))


@router.get("", response_model=list[TaskResponse])
def list_tasks(
    limit: int = Query(default=100, ge=1, le=200),
    offset: int = Query(default=0, ge=0),
    current_user: str = Depends(get_current_user),
    session: Session = Depends(get_session),
):
    own = select(Task).where(Task.user_id == current_user).order_by(Task.id)
    return session.exec(own.offset(offset).limit(limit)).all()


@router.get("/{task_id}", response_model=TaskResponse)
def get_task(
    task_id: int,
    current_user: str = Depends(get_current_user),
    session: Session = Depends(get_session),
):
    return get_own(session, task_id, current_user)


@router.put("/{task_id}", response_model=TaskResponse)
def update_task(
    task_id: int,
    changes: TaskUpdate,
    current_user: str = Depends(get_current_user),
    session: Session = Depends(get_session),
):
    task = get_own(session, task_id, current_user)
    task.sqlmodel_update(changes.model_dump(exclude_unset=True))
    task.updated_at = now()
    return save(session, task)


@router.delete("/{task_id}", status_code=204)
def delete_task(
    task_id: int,
    current_user: str = Depends(get_current_user),
    session: Session = Depends(get_session),
):
    task = get_own(session, task_id, current_user)
    session.delete(task)
    session.commit()
    return Response(status_code=204)
